//! Zeros whose memory is taken when they are written.

#[cfg(all(target_os = "linux", feature = "huge-pages"))]
mod huge_pages;

/// `length` zeros, or nothing when there is no memory for so many.
///
/// The system hands their memory over page by page when they are written. So several threads that
/// fill them share that work, and a header that promises more values than its file holds costs
/// little. With the feature `huge-pages`, Linux is asked for pages of 2 MiB.
#[must_use]
pub fn zeroed<T: Copy + Default>(length: usize) -> Option<Vec<T>> {
    // Asked for in a way that may fail first; zeroed memory can only be had in one that may not.
    Vec::<T>::new().try_reserve_exact(length).ok()?;
    Some(in_huge_pages(vec![T::default(); length]))
}

/// The same memory, none of which was written yet. With the feature `huge-pages`, Linux is asked to
/// hand it over in pages of 2 MiB.
#[must_use]
pub fn in_huge_pages<T>(memory: Vec<T>) -> Vec<T> {
    #[cfg(all(target_os = "linux", feature = "huge-pages"))]
    let memory = huge_pages::in_huge_pages(memory);
    memory
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_as_many_as_asked_for() {
        assert_eq!(zeroed::<f32>(3), Some(vec![0.0; 3]));
        assert_eq!(zeroed::<u8>(0), Some(vec![]));
    }

    #[test]
    fn more_than_the_address_space_is_refused() {
        assert_eq!(zeroed::<f32>(usize::MAX), None);
        assert_eq!(zeroed::<u8>(usize::MAX / 2), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn memory_is_taken_when_it_is_written() {
        let resident = || {
            let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
            let pages =
                status.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
            pages.unwrap_or_default() * 4096
        };
        let before = resident();
        let values = zeroed::<f32>(64 << 20).unwrap_or_default();
        assert_eq!(values.len(), 64 << 20);
        // 256 MiB were asked for; other tests of this process take a little meanwhile.
        assert!(resident() < before + (64 << 20));
    }
}
