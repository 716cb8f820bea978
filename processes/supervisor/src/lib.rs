//! Starts and stops everything, builds jails, passes descriptors.
//!
//! # Role
//! Reads one command of the operator and carries it out: serves packages, examines one, or tells what
//! this host enforces. It makes every link between processes before either side starts, hands the
//! listening socket on, restarts what ends, and records what happened.
//!
//! # Security
//! Reads: commands of the operator, bounded frames and logs of every process, package files as bytes to
//! copy. Holds: the keys, the store, every right. If taken over: it can do what the operator can. It
//! reads nothing from the network and parses no package.
//!
//! # Non-goals
//! No TCP, no HTTP, no formats of models, no async: threads that block with deadlines, and one thread
//! that decides.
#![forbid(unsafe_code)]

#[cfg(feature = "ablation")]
mod ablation;
mod auditor;
mod backoff;
mod cell;
mod command;
mod denials;
mod doctor;
mod event;
mod examine;
mod failure;
mod gateway;
mod ground;
mod hints;
mod import;
mod inspection;
mod link;
mod load;
mod log;
mod operator;
mod programs;
mod recorder;
mod roster;
mod scan;
mod serve;
mod state;
mod threads;
mod topology;
mod tree;
mod warden;
mod watch;

pub use command::obey;
