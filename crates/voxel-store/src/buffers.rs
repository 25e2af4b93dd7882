//! Memory for chunks that one read after the other uses: [`Buffers`].

use std::mem;
use std::sync::Mutex;

use laion_fmri_base::lock;

/// Memory that [`Matrix::read_using`](crate::Matrix::read_using) reads chunks into, kept for the
/// next read. New memory for each of many reads takes a few percent of their time.
///
/// There is a buffer for each thread that reads at once, of 256 KiB or one chunk if that is larger.
#[derive(Debug, Default)]
pub struct Buffers(Mutex<Vec<Vec<u32>>>);

/// A buffer that is in use.
pub(crate) struct Buffer<'a> {
    buffers: &'a Buffers,
    words: Vec<u32>,
}

impl Buffers {
    /// A buffer of at least so many words, whose content is of no meaning.
    pub(crate) fn take(&self, n_words: usize) -> Buffer<'_> {
        let mut words = lock(&self.0).pop().unwrap_or_default();
        if words.len() < n_words {
            words = vec![0; n_words];
        }
        Buffer { buffers: self, words }
    }
}

impl Buffer<'_> {
    pub(crate) fn words(&mut self) -> &mut [u32] {
        &mut self.words
    }
}

impl Drop for Buffer<'_> {
    fn drop(&mut self) {
        lock(&self.buffers.0).push(mem::take(&mut self.words));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_used_again_and_grow() {
        let buffers = Buffers::default();
        let address = |buffer: &mut Buffer<'_>| buffer.words().as_ptr().addr();
        let (mut one, mut other) = (buffers.take(4), buffers.take(2));
        assert_eq!((one.words().len(), other.words().len()), (4, 2));
        let addresses = [address(&mut one), address(&mut other)];
        drop((one, other));
        let (mut one, mut other) = (buffers.take(1), buffers.take(1));
        let mut again = [address(&mut one), address(&mut other)];
        again.sort_by_key(|it| addresses[0] != *it);
        assert_eq!(again, addresses);
        drop((one, other));
        let (mut one, mut other) = (buffers.take(9), buffers.take(9));
        assert_eq!((one.words().len(), other.words().len()), (9, 9));
        drop((one, other));
        assert_eq!(lock(&buffers.0).len(), 2);
    }
}
