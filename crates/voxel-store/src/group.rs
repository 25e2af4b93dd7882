//! Groups: what belongs together, in one directory that appears when it is complete.

mod abandoned;
mod read;
mod write;

pub use self::abandoned::remove_abandoned;
pub use self::read::{Group, Verified};
pub use self::write::{GroupWriter, consolidate, mend_group, write_group, write_new_group};

/// The file of the only chunk of an array with this many dimensions.
fn chunk_name(dimensions: usize) -> String {
    format!("c{}", ".0".repeat(dimensions))
}

/// Whether a name can be that of a member, and never leads out of the group.
fn is_member_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=200).contains(&name.len()) && name.chars().all(allowed)
}
