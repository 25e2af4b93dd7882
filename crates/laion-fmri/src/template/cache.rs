//! Weights that were made before: a file each in the cache directory, by what they were made from.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use laion_fmri_base::{AtomicFile, Sha256, Sha256Hasher};

use super::weights::Weights;
use crate::Result;

/// How a file begins; the digit is the version of the format.
const MAGIC: &[u8; 8] = b"LFWGHTS1";

/// Bytes that are converted at a time.
const PIECE: usize = 64 * 1024;

/// Magic, key, and three lengths.
const HEADER: u64 = 8 + 32 + 3 * 8;

/// The SHA-256 at the end.
const TRAILER: u64 = 32;

/// What weights are made from, as text and digests; its digest is their key.
pub(super) struct Key(Sha256Hasher);

impl Key {
    /// For weights of a kind. A change of how they are made must change the kind.
    pub(super) fn new(kind: &str) -> Self {
        let mut key = Self(Sha256Hasher::new());
        key.text(kind);
        key
    }

    pub(super) fn text(&mut self, text: &str) {
        self.0.update(text.as_bytes());
        // Texts are separated.
        self.0.update([0xff]);
    }

    pub(super) fn digest(&mut self, digest: &Sha256) {
        self.text(&digest.to_string());
    }

    pub(super) fn finish(self) -> Sha256 {
        self.0.finish()
    }
}

/// The weights of a key: from the cache directory if they are there and whole, or else made and put
/// there.
pub(super) fn weights(
    cache_dir: Option<&Path>,
    key: &Sha256,
    make: impl FnOnce() -> Result<Weights>,
) -> Result<Weights> {
    let Some(directory) = cache_dir.map(|directory| directory.join("weights")) else {
        return make();
    };
    let path = directory.join(format!("{key}.weights"));
    match read(&path, key) {
        Ok(Some(weights)) => return Ok(weights),
        Ok(None) => {
            tracing::debug!(path = %path.display(), "the cached weights are damaged and made anew");
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => tracing::debug!(%error, path = %path.display(), "no cached weights"),
    }
    let weights = make()?;
    let kept = std::fs::create_dir_all(&directory).and_then(|()| write(&path, key, &weights));
    if let Err(error) = kept {
        tracing::debug!(%error, path = %path.display(), "the weights are not kept");
    }
    Ok(weights)
}

fn write(path: &Path, key: &Sha256, weights: &Weights) -> io::Result<()> {
    let mut file = Hashed { inner: AtomicFile::create(path)?, digest: Sha256Hasher::new() };
    let (starts, sources, values) = weights.parts();
    file.put(MAGIC)?;
    file.put(&key.0)?;
    for length in [weights.n_sources(), starts.len(), sources.len()] {
        file.put(&(length as u64).to_le_bytes())?;
    }
    file.put_words(starts.iter().copied())?;
    file.put_words(sources.iter().copied())?;
    file.put_words(values.iter().map(|weight| weight.to_bits()))?;
    let digest = file.digest.finish();
    let mut file = file.inner;
    file.write_all(&digest.0)?;
    // They are checked when they are read, and can be made again.
    file.commit_unsynced()
}

/// Weights of this key; none when the file is damaged or of another key.
fn read(path: &Path, key: &Sha256) -> io::Result<Option<Weights>> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut file = Hashed { inner: BufReader::new(file), digest: Sha256Hasher::new() };
    if size < HEADER + TRAILER {
        return Ok(None);
    }
    if file.take::<8>()? != *MAGIC || file.take::<32>()? != key.0 {
        return Ok(None);
    }
    let mut lengths = [0; 3];
    for length in &mut lengths {
        *length = u64::from_le_bytes(file.take()?);
    }
    let [n_sources, n_starts, n_entries] = lengths;
    // The lengths are compared with the size before anything is allocated.
    let words = n_entries.checked_mul(2).and_then(|entries| entries.checked_add(n_starts));
    let bytes = words.and_then(|words| words.checked_mul(4)?.checked_add(HEADER + TRAILER));
    let lengths = [n_sources, n_starts, n_entries].map(usize::try_from);
    let (true, [Ok(n_sources), Ok(n_starts), Ok(n_entries)]) = (bytes == Some(size), lengths)
    else {
        return Ok(None);
    };
    let starts = file.take_words(n_starts)?;
    let sources = file.take_words(n_entries)?;
    let values = file.take_words(n_entries)?.into_iter().map(f32::from_bits).collect();
    let digest = file.digest.finish();
    let mut stored = [0; 32];
    file.inner.read_exact(&mut stored)?;
    if stored != digest.0 {
        return Ok(None);
    }
    Ok(Weights::from_parts(n_sources, starts, sources, values))
}

/// A file whose bytes are hashed on their way.
struct Hashed<F> {
    inner: F,
    digest: Sha256Hasher,
}

impl<W: Write> Hashed<W> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.inner.write_all(bytes)
    }

    fn put_words(&mut self, words: impl Iterator<Item = u32>) -> io::Result<()> {
        let mut piece = Vec::with_capacity(PIECE);
        for word in words {
            piece.extend(word.to_le_bytes());
            if piece.len() == PIECE {
                self.put(&piece)?;
                piece.clear();
            }
        }
        self.put(&piece)
    }
}

impl<R: Read> Hashed<R> {
    fn take<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.inner.read_exact(&mut bytes)?;
        self.digest.update(bytes);
        Ok(bytes)
    }

    fn take_words(&mut self, count: usize) -> io::Result<Vec<u32>> {
        let mut words = Vec::with_capacity(count);
        let mut piece = vec![0; PIECE];
        while words.len() < count {
            let bytes = &mut piece[..PIECE.min(4 * (count - words.len()))];
            self.inner.read_exact(bytes)?;
            self.digest.update(&*bytes);
            words.extend(bytes.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word)));
        }
        Ok(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Weights {
        let mut weights = Weights::new(5);
        for entries in [vec![(0, 0.25), (4, 0.75)], vec![], vec![(2, 1.0)]] {
            weights.push(&mut entries.clone()).unwrap();
        }
        weights
    }

    fn key(text: &str) -> Sha256 {
        let mut key = Key::new("test");
        key.text(text);
        key.finish()
    }

    #[test]
    fn weights_are_made_once_for_each_key() {
        let directory = tempfile::tempdir().unwrap();
        let cache = directory.path().join("cache");
        let fails = || -> Result<Weights> { panic!("they are there") };
        let first = weights(Some(&cache), &key("a"), || Ok(sample())).unwrap();
        assert_eq!(weights(Some(&cache), &key("a"), fails).unwrap(), first);
        let mut made = 0;
        let mut count = |key: &Sha256, cache: Option<&Path>| {
            let make = || {
                made += 1;
                Ok(Weights::new(1))
            };
            weights(cache, key, make).unwrap();
            made
        };
        assert_eq!(count(&key("b"), Some(&cache)), 1);
        // Without a directory nothing is kept.
        assert_eq!((count(&key("a"), None), count(&key("a"), None)), (2, 3));
        assert_ne!(key("a"), key("b"));
    }

    #[test]
    fn what_cannot_be_kept_is_made_all_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert_eq!(weights(Some(&file), &key("a"), || Ok(sample())).unwrap(), sample());
    }

    #[test]
    fn any_damage_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("one.weights");
        write(&path, &key("a"), &sample()).unwrap();
        assert_eq!(read(&path, &key("a")).unwrap(), Some(sample()));
        assert_eq!(read(&path, &key("b")).unwrap(), None);
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x41;
            std::fs::write(&path, &damaged).unwrap();
            assert_eq!(read(&path, &key("a")).unwrap(), None, "{at}");
            std::fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(read(&path, &key("a")).unwrap(), None, "{at}");
        }
        // A count that promises more than the file has.
        let mut damaged = whole;
        damaged[40..48].fill(0xff);
        damaged[56..64].fill(0xff);
        std::fs::write(&path, &damaged).unwrap();
        assert_eq!(read(&path, &key("a")).unwrap(), None);
    }
}
