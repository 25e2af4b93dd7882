//! Memory in pages of 2 MiB: the one module of this workspace with `unsafe`, for one call of the system
//! that has no safe form.

use std::ops::Range;

use rustix::mm::{Advice, madvise};

/// A page that is taken at once.
const HUGE_PAGE: usize = 2 << 20;

/// Asks the system for huge pages in the place of memory that is not written yet. To hand 40 MB over
/// in pages of 4 KiB takes longer than to fill them from a store.
#[expect(unsafe_code, reason = "the call has no safe form; the advice changes no byte")]
pub(super) fn in_huge_pages<T>(mut memory: Vec<T>) -> Vec<T> {
    let whole = whole_pages(memory.as_ptr().addr(), size_of_val(memory.as_slice()));
    if whole.is_empty() {
        return memory;
    }
    let start = memory.as_mut_ptr().cast::<u8>().wrapping_add(whole.start);
    // A system without huge pages refuses, and gives small ones.
    // SAFETY: the range lies within `memory`, which nobody else uses meanwhile, and this advice only
    // says how the system should manage it: values, length and address stay as they are.
    let _ = unsafe { madvise(start.cast(), whole.len(), Advice::LinuxHugepage) };
    memory
}

/// The bytes of memory at an address, counted from its start, that are whole huge pages.
fn whole_pages(address: usize, length: usize) -> Range<usize> {
    let before = address.next_multiple_of(HUGE_PAGE) - address;
    let after = (address + length) % HUGE_PAGE;
    match length.checked_sub(before + after) {
        Some(bytes) => before..before + bytes,
        None => 0..0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_whole_and_within_the_memory() {
        let page = HUGE_PAGE;
        for (address, length, expected) in [
            (0, 0, 0..0),
            (16, 100, 0..0),
            (page, page, 0..page),
            (page + 16, page, 0..0),
            (page + 16, 2 * page - 17, 0..0),
            (page + 16, 2 * page - 16, page - 16..2 * page - 16),
            (page - 4096, 3 * page, 4096..2 * page + 4096),
            (page - 1, 1, 0..0),
        ] {
            let whole = whole_pages(address, length);
            assert!(whole.is_empty() == expected.is_empty(), "{address} {length}: {whole:?}");
            assert!(whole.is_empty() || whole == expected, "{address} {length}: {whole:?}");
        }
        for address in (0..3 * page).step_by(page / 4).chain([1, page - 1, page + 1]) {
            for length in (0..5 * page).step_by(page / 3) {
                let whole = whole_pages(address, length);
                assert!(whole.end <= length, "{address} {length}: {whole:?}");
                let ends = [address + whole.start, address + whole.end];
                let on_pages = ends.iter().all(|end| end.is_multiple_of(page));
                assert!(whole.is_empty() || on_pages, "{address} {length}: {whole:?}");
            }
        }
    }

    #[test]
    fn memory_is_advised_and_keeps_its_values() {
        let values: Vec<u64> = (0..(4 * HUGE_PAGE as u64 / 8)).collect();
        let values = in_huge_pages(values);
        assert!(values.iter().copied().eq(0..4 * HUGE_PAGE as u64 / 8));
        if !std::path::Path::new("/sys/kernel/mm/transparent_hugepage").is_dir() {
            println!("skipped: this kernel has no huge pages");
            return;
        }
        // The second page is one of those that were advised.
        let address = values.as_ptr().addr() + HUGE_PAGE;
        let areas = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut is_here = false;
        let flags = areas.lines().find_map(|line| {
            let range = line.split(' ').next().and_then(|range| range.split_once('-'));
            let bound = |text| usize::from_str_radix(text, 16).ok();
            if let Some((Some(start), Some(end))) = range.map(|(a, b)| (bound(a), bound(b))) {
                is_here = (start..end).contains(&address);
            }
            line.strip_prefix("VmFlags:").filter(|_| is_here)
        });
        assert!(flags.unwrap().split(' ').any(|flag| flag == "hg"), "{flags:?}");
    }
}
