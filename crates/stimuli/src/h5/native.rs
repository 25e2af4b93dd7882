//! The backend in Rust: `hdf5-reader` finds the datasets and says how they are stored. Their data
//! are read here, by position, so that reading one row costs only that row.

use std::fmt;
use std::io;
use std::sync::Arc;

use hdf5_reader::messages::HdfMessage;
use hdf5_reader::messages::layout::DataLayout;
use hdf5_reader::{
    Dataset, Datatype, Hdf5File, OpenOptions, Storage, StorageBuffer, StringPadding, StringSize,
    VarLenKind,
};

use super::chunks::Chunks;
use super::fill::Fill;
use super::{Backend, Element, Failure, MAX_EXPANSION, MAX_PIECE, Rows, heap};
use crate::source::ReadAt;

/// Strings and heaps that `hdf5-reader` itself holds.
const CACHE: usize = 1 << 20;

/// Bytes between two wanted rows that are read over.
const GAP: u64 = 4 << 10;

/// Rows with gaps between them are read in pieces of at most this size.
const PIECE: u64 = 1 << 20;

/// The class of the layout whose data are in datasets of other files.
const VIRTUAL: u8 = 3;

/// Object headers are a few hundred bytes.
const MAX_HEADER: usize = 1 << 20;

/// An open file.
pub(super) struct Native {
    file: Hdf5File,
    disk: Arc<Disk>,
}

/// The bytes of the file, counted from where HDF5 counts.
pub(super) struct Disk {
    source: Arc<dyn ReadAt>,
    base: u64,
    length: u64,
    offset_size: usize,
    length_size: usize,
}

struct NativeRows {
    dataset: Dataset,
    disk: Arc<Disk>,
    element: Element,
    element_bytes: usize,
    layout: Layout,
}

enum Layout {
    Compact(Vec<u8>),
    Contiguous {
        address: u64,
    },
    Chunked(Box<Chunks>),
    /// Never written: every element is the fill value.
    Unwritten(Fill),
}

/// Opens a file.
pub(super) fn open(
    source: Arc<dyn ReadAt>,
) -> Result<Native, Box<dyn std::error::Error + Send + Sync>> {
    let length = source.length()?;
    let whole =
        Disk { source: Arc::clone(&source), base: 0, length, offset_size: 8, length_size: 8 };
    let mut options = OpenOptions::default()
        .with_chunk_cache_bytes(CACHE)
        .with_max_object_header_bytes(MAX_HEADER)
        .with_max_chunk_bytes(MAX_PIECE as usize);
    options.max_read_bytes = usize::try_from(length.saturating_mul(MAX_EXPANSION))
        .unwrap_or(usize::MAX)
        .min(MAX_PIECE as usize);
    let file = Hdf5File::from_storage_with_options(Arc::new(whole), options)?;
    let superblock = file.superblock();
    let sizes = [superblock.offset_size, superblock.length_size].map(usize::from);
    let base = superblock.base_address;
    if sizes.iter().any(|size| !(1..=8).contains(size)) || base > length {
        return Err("the superblock is damaged".into());
    }
    let [offset_size, length_size] = sizes;
    let disk = Disk { source, base, length: length - base, offset_size, length_size };
    Ok(Native { file, disk: Arc::new(disk) })
}

impl Backend for Native {
    fn dataset(&self, name: &str) -> Result<Arc<dyn Rows>, Failure> {
        let damaged = |error| Failure::Damaged(Box::new(error));
        let dataset = match self.file.dataset(name) {
            Ok(dataset) => dataset,
            Err(error) if is_virtual(&error) => {
                return Err(Failure::unsupported(
                    "a virtual dataset, whose data is in other files",
                ));
            }
            Err(error) => {
                let root = self.file.root_group().map_err(damaged)?;
                let Ok((_, names)) = root.member_names() else { return Err(damaged(error)) };
                let is_missing = !names.iter().any(|other| other == name);
                return Err(if is_missing { Failure::Missing(names) } else { damaged(error) });
            }
        };
        let element = element(dataset.dtype());
        let element_bytes = match &element {
            Element::Half { .. } => 2,
            Element::Byte => 1,
            // A length, where the bytes are, and which they are there.
            Element::Sequence => 8 + self.disk.offset_size,
            Element::Text | Element::Other(_) => dataset.raw_element_size().map_err(damaged)?,
        };
        let layout = self.layout(&dataset, element_bytes)?;
        let disk = Arc::clone(&self.disk);
        Ok(Arc::new(NativeRows { dataset, disk, element, element_bytes, layout }))
    }
}

impl Native {
    fn layout(&self, dataset: &Dataset, element_bytes: usize) -> Result<Layout, Failure> {
        let damaged = |error| Failure::Damaged(Box::new(error));
        let header = self.file.get_or_parse_header(dataset.address()).map_err(damaged)?;
        let mut layout = None;
        let mut filters = Vec::new();
        for message in &header.messages {
            match message {
                HdfMessage::DataLayout(message) => layout = Some(message.layout.clone()),
                HdfMessage::FilterPipeline(pipeline) => filters.clone_from(&pipeline.filters),
                HdfMessage::ExternalFiles(_) => {
                    return Err(Failure::unsupported(
                        "external storage: the data is in other files",
                    ));
                }
                _ => {}
            }
        }
        let shape = dataset.shape();
        if shape.is_empty() {
            return Ok(Layout::Unwritten(Fill::default()));
        }
        let fill = Fill::of(&header.messages, element_bytes)?;
        let size = shape.iter().try_fold(element_bytes as u64, |size, n| size.checked_mul(*n));
        let size = size.ok_or(Failure::TooLarge { expected: self.disk.length, got: u64::MAX })?;
        let at_most = |expected: u64| {
            if size <= expected { Ok(()) } else { Err(Failure::TooLarge { expected, got: size }) }
        };
        match layout {
            Some(DataLayout::Compact { data }) => {
                at_most(data.len() as u64)?;
                Ok(Layout::Compact(data))
            }
            Some(DataLayout::Contiguous { address, .. }) if self.disk.is_undefined(address) => {
                at_most(self.disk.length.saturating_mul(MAX_EXPANSION))?;
                Ok(Layout::Unwritten(fill))
            }
            Some(DataLayout::Contiguous { address, .. }) => {
                at_most(self.disk.length.saturating_sub(address))?;
                Ok(Layout::Contiguous { address })
            }
            Some(DataLayout::Chunked { address, dims, chunk_indexing, .. }) => {
                at_most(self.disk.length.saturating_mul(MAX_EXPANSION))?;
                if self.disk.is_undefined(address) {
                    return Ok(Layout::Unwritten(fill));
                }
                let index = (address, chunk_indexing.as_ref(), dataset.max_dims());
                let contents = (filters, fill);
                let chunks = Chunks::new(shape, &dims, element_bytes, index, contents, &self.disk)?;
                Ok(Layout::Chunked(Box::new(chunks)))
            }
            None => Err(Failure::damaged("the dataset does not say how it is stored")),
        }
    }
}

impl Rows for NativeRows {
    fn shape(&self) -> &[u64] {
        self.dataset.shape()
    }

    fn element(&self) -> &Element {
        &self.element
    }

    fn rows_together(&self) -> usize {
        match &self.layout {
            Layout::Chunked(chunks) => chunks.rows_together(),
            Layout::Contiguous { .. } => 1,
            Layout::Compact(_) | Layout::Unwritten(_) => 0,
        }
    }

    fn is_encoded(&self) -> bool {
        matches!(self.layout, Layout::Chunked(_))
    }

    fn read(&self, rows: &[usize], out: &mut [u8]) -> Result<(), Failure> {
        // The product was checked when the layout was read.
        let row_bytes = self.shape()[1..].iter().product::<u64>() * self.element_bytes as u64;
        let start_of = |row: usize| row as u64 * row_bytes;
        match &self.layout {
            Layout::Unwritten(fill) => fill.write(out),
            Layout::Compact(data) => {
                for (row, out) in rows.iter().zip(out.chunks_exact_mut(row_bytes.max(1) as usize)) {
                    out.copy_from_slice(&data[start_of(*row) as usize..][..out.len()]);
                }
            }
            Layout::Contiguous { address } => {
                let size = row_bytes as usize;
                let mut piece = Vec::new();
                let (mut rows, mut rest) = (rows, out);
                while let Some(first) = rows.first().copied().filter(|_| size > 0) {
                    // A short gap is read over, which costs less than another call of the system.
                    let joined = rows.iter().zip(&rows[1..]).take_while(|(row, next)| {
                        start_of(*next - *row - 1) <= GAP && start_of(*next - first + 1) <= PIECE
                    });
                    let (run, others) = rows.split_at(joined.count() + 1);
                    let (part, behind) = rest.split_at_mut(run.len() * size);
                    (rows, rest) = (others, behind);
                    let span = run[run.len() - 1] - first + 1;
                    if span == run.len() {
                        self.disk.read_exact(part, address + start_of(first))?;
                        continue;
                    }
                    piece.resize(span * size, 0);
                    self.disk.read_exact(&mut piece, address + start_of(first))?;
                    for (row, out) in run.iter().zip(part.chunks_exact_mut(size)) {
                        out.copy_from_slice(&piece[(row - first) * size..][..size]);
                    }
                }
            }
            Layout::Chunked(chunks) => chunks.read(&self.disk, rows, out)?,
        }
        Ok(())
    }

    fn read_sequence(&self, row: usize) -> Result<Vec<u8>, Failure> {
        let mut reference = [0; 16];
        let reference = &mut reference[..self.element_bytes];
        self.read(&[row], reference)?;
        heap::read(&self.disk, reference)
    }

    fn read_text(&self) -> Result<Vec<String>, Failure> {
        let count = self.shape()[0] as usize;
        let got = (count as u64).saturating_mul(self.element_bytes as u64);
        if got > MAX_PIECE {
            return Err(Failure::TooLarge { expected: MAX_PIECE, got });
        }
        if self.element_bytes == 0 {
            return Err(Failure::damaged("texts of no bytes"));
        }
        let mut elements = vec![0; count * self.element_bytes];
        self.read(&(0..count).collect::<Vec<_>>(), &mut elements)?;
        let elements = elements.chunks_exact(self.element_bytes);
        match self.dataset.dtype() {
            Datatype::String { size: StringSize::Fixed(_), padding, .. } => {
                elements.map(|element| fixed_text(element, *padding)).collect()
            }
            _ => heap::read_texts(&self.disk, elements),
        }
    }
}

fn is_virtual(error: &hdf5_reader::error::Error) -> bool {
    match error {
        hdf5_reader::error::Error::Context { source, .. } => is_virtual(source),
        hdf5_reader::error::Error::UnsupportedLayoutClass(class) => *class == VIRTUAL,
        _ => false,
    }
}

/// A text of a fixed length without what fills it up.
fn fixed_text(element: &[u8], padding: StringPadding) -> Result<String, Failure> {
    let without = |pad: u8| element.iter().rposition(|byte| *byte != pad).map_or(0, |at| at + 1);
    let end = match padding {
        StringPadding::NullTerminate => element.iter().position(|byte| *byte == 0),
        StringPadding::NullPad => Some(without(0)),
        StringPadding::SpacePad => Some(without(b' ')),
    };
    let text = std::str::from_utf8(&element[..end.unwrap_or(element.len())]);
    text.map(str::to_owned).map_err(|error| Failure::Damaged(Box::new(error)))
}

impl Disk {
    pub(super) fn read_exact(&self, buffer: &mut [u8], address: u64) -> Result<(), Failure> {
        let end = address.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > self.length) {
            return Err(Failure::damaged(format!(
                "{} bytes at {address}: beyond the end of the file, which has {}",
                buffer.len(),
                self.length
            )));
        }
        Ok(self.source.read_exact_at(buffer, self.base + address)?)
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn offset_size(&self) -> usize {
        self.offset_size
    }

    pub(super) fn length_size(&self) -> usize {
        self.length_size
    }

    /// The same bytes, as `hdf5-reader` reads them.
    pub(super) fn storage(&self) -> &dyn Storage {
        self
    }

    /// Whether the address stands for "nowhere".
    pub(super) fn is_undefined(&self, address: u64) -> bool {
        address == u64::MAX >> (64 - 8 * self.offset_size)
    }
}

/// What an HDF5 type is to this crate.
fn element(datatype: &Datatype) -> Element {
    let is_byte = |datatype: &Datatype| matches!(datatype, Datatype::FixedPoint { size: 1, .. });
    match datatype {
        Datatype::FloatingPoint { size: 2, byte_order } => {
            Element::Half { big_endian: *byte_order == hdf5_reader::ByteOrder::BigEndian }
        }
        Datatype::FixedPoint { size: 1, .. } | Datatype::Bitfield { size: 1, .. } => Element::Byte,
        Datatype::Enum { base, .. } if is_byte(base) => Element::Byte,
        Datatype::String { .. } | Datatype::VarLen { kind: VarLenKind::String, .. } => {
            Element::Text
        }
        Datatype::VarLen { base, .. } if is_byte(base) => Element::Sequence,
        Datatype::FixedPoint { size, signed, .. } => {
            let sign = if *signed { "int" } else { "uint" };
            Element::Other(format!("{sign}{}", 8 * u32::from(*size)))
        }
        Datatype::FloatingPoint { size, .. } => {
            Element::Other(format!("float{}", 8 * u32::from(*size)))
        }
        Datatype::Compound { .. } => Element::Other("a compound type".to_owned()),
        Datatype::Array { .. } => Element::Other("arrays".to_owned()),
        Datatype::Enum { .. } => Element::Other("an enumeration".to_owned()),
        Datatype::VarLen { .. } => Element::Other("sequences of another type".to_owned()),
        Datatype::Opaque { .. } => Element::Other("opaque data".to_owned()),
        Datatype::Reference { .. } => Element::Other("references".to_owned()),
        Datatype::Bitfield { .. } => Element::Other("a bit field".to_owned()),
    }
}

impl Storage for Disk {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_range(
        &self,
        offset: u64,
        len: usize,
    ) -> Result<StorageBuffer, hdf5_reader::error::Error> {
        // Checked before anything is allocated.
        if offset.checked_add(len as u64).is_none_or(|end| end > self.length) {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let mut bytes = vec![0; len];
        self.source.read_exact_at(&mut bytes, self.base + offset)?;
        Ok(StorageBuffer::from_vec(bytes))
    }
}

impl fmt::Debug for Native {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Native").field("disk", &self.disk).finish_non_exhaustive()
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").field("length", &self.length).finish_non_exhaustive()
    }
}

impl fmt::Debug for NativeRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeRows")
            .field("shape", &self.dataset.shape())
            .field("element", &self.element)
            .finish_non_exhaustive()
    }
}
