//! The options of `browse`.

use clap::Args;

#[derive(Args, Debug)]
pub(crate) struct Browse {
    /// Subject that the page opens with: sub-03 or 03 (default: the first with an anatomy and a map)
    #[arg(long, value_name = "S")]
    pub(crate) subject: Option<String>,
    /// Port of 127.0.0.1 to listen on; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) port: u16,
    /// Do not open the page in a browser: only print its address
    #[arg(long)]
    pub(crate) no_open: bool,
}
