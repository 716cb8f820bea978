//! The links between processes: one module each, one enum per direction.
//!
//! A link is a pair of connected stream sockets that the supervisor made before it started either
//! side. Descriptors travel beside the first byte of the frame that announces them (`SCM_RIGHTS`).

pub mod auditor;
pub mod engine;
pub mod gateway;
pub mod inspector;
pub mod operator;
pub mod record;
pub mod scan;
pub mod worker;
