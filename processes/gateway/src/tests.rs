//! The gateway over a real loopback listener, with a supervisor, an auditor and workers that the tests
//! play.

mod answers;
mod auditor;
mod client;
mod clients;
mod misdeeds;
mod recorded;
mod refusals;
mod speed;
mod stage;
mod stopping;
mod worker;
