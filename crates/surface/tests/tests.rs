//! Label files as they are written and as they break.

mod label;
