//! A page on this machine: the brain, the image and the trial of LAION-fMRI, served from a mirror.
//!
//! [`Server::bind`] takes a free port of 127.0.0.1, [`Server::address`] is what a browser opens,
//! and [`Server::serve`] answers until it is cancelled. Nothing is printed. The words that a user
//! types for what is missing come from the program around the server, by its [`Commands`].
#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer;
mod commands;
mod drawn;
mod error;
mod gate;
mod mirror;
mod names;
mod page;
mod parameters;
mod reading;
mod routes;
mod sending;
mod server;
mod similar;
mod state;
mod token;
mod trials;
mod work;

pub use self::commands::{Commands, Selection};
pub use self::error::Error;
pub use self::page::has_page;
pub use self::server::{Options, Server};
