//! Kernel restrictions: what a process gives up for good, and the jail it is started in.
//!
//! # Role
//! [`jail`] builds a jail and starts a program in it (the supervisor only). [`confine`] is what the
//! started program calls first: it probes its jail from inside and gives up the rest of its rights.
//! [`filter`] holds the system-call filters, [`observe`] tells what they refused, [`descriptor`] passes
//! open files between processes.
//!
//! # Security
//! Reads: the bounded report of a jailed process, the kernel's audit records. Holds: nothing. If it is wrong, every process is
//! less confined than its posture says; so each control is tried, not believed.
//!
//! # Non-goals
//! Knows nothing of models, HTTP or JSON. No async, no policy: it does what it is told and reports
//! what the kernel did.

pub mod confine;
pub mod control;
pub mod descriptor;
pub mod filter;
pub mod jail;
pub mod lease;
pub mod observe;
pub mod rootless;
pub mod signals;
mod sys;
