//! What an element is where nothing was ever written: the fill value of its dataset.

use hdf5_reader::messages::HdfMessage;
use hdf5_reader::messages::fill_value::{FillTime, FillValueMessage};

use super::Failure;

/// The stored bytes of an element that was never written. Without a value they are zeros.
#[derive(Clone, Debug, Default)]
pub(super) struct Fill(Option<Vec<u8>>);

impl Fill {
    /// The fill value among the messages of a dataset whose elements have this many bytes.
    pub(super) fn of(messages: &[HdfMessage], element_bytes: usize) -> Result<Self, Failure> {
        // Files for old libraries hold the value twice; only the newer form says when it is used.
        let fills = messages.iter().filter_map(|message| match message {
            HdfMessage::FillValue(fill) => Some(fill),
            _ => None,
        });
        let is_used = !fills.clone().any(is_never_used);
        let value = fills.filter(|_| is_used).find_map(|fill| fill.value.as_deref());
        let value = value.filter(|value| !value.is_empty());
        match value {
            Some(value) if value.len() != element_bytes => Err(Failure::damaged(format!(
                "a fill value: expected {element_bytes} bytes, got {}",
                value.len()
            ))),
            value => Ok(Self(value.map(<[u8]>::to_vec))),
        }
    }

    /// Writes the value into whole elements.
    pub(super) fn write(&self, out: &mut [u8]) {
        match &self.0 {
            None => out.fill(0),
            Some(value) => {
                for element in out.chunks_exact_mut(value.len()) {
                    element.copy_from_slice(value);
                }
            }
        }
    }
}

/// Whether nothing is ever to be filled with the value.
fn is_never_used(fill: &FillValueMessage) -> bool {
    // The number that stands for "never" in the file, 1, has this name in `hdf5-reader`.
    fill.fill_time == FillTime::Always
}
