//! Stores as another program sees them.

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod matrices;
