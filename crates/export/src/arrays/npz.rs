//! Labelled arrays as members of a `.npz` file.

use std::io::{self, Read, Write};
use std::path::Path;

use super::{ATTRIBUTES, Labels, Sink, Source, Spec};
use crate::encoding::{self, EncodedText, Head, Unreadable};
use crate::error::Error;
use crate::npz::{NpzFile, NpzWriter};

/// The names have been checked by then, for all formats.
impl Sink for NpzWriter<'_> {
    fn array(
        &mut self,
        spec: &Spec<'_>,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let header = encoding::c_order_header(&spec.descriptor, &spec.shape)?;
        let n_bytes = spec.n_bytes().saturating_add(header.len() as u64);
        self.store(spec.name, n_bytes, |writer| {
            writer.write_all(&header)?;
            write(writer)
        })
    }

    fn finish(&mut self, labels: &Labels) -> io::Result<()> {
        if labels.attributes.is_empty() {
            return Ok(());
        }
        let attributes = [serde_json::to_string(&labels.attributes)?];
        let encoded = EncodedText::scalar(&attributes)?;
        self.store(ATTRIBUTES, encoded.n_bytes(), |writer| encoded.write(writer))
    }
}

impl Source for NpzFile {
    fn path(&self) -> &Path {
        NpzFile::path(self)
    }

    fn names(&self) -> Result<Vec<String>, Error> {
        NpzFile::names(self)
    }

    fn member(
        &mut self,
        name: &str,
        read: &mut dyn FnMut(&Head, &mut dyn Read) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        NpzFile::member(self, name, |mut member, n_bytes| {
            let head = Head::read(&mut member, n_bytes)?;
            read(&head, &mut member)
        })
    }
}
