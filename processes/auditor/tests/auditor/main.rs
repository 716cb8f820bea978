//! The auditor as a process of its own, with real files and real signals.
#![cfg(test)]

mod crash;
mod disk;
mod harness;
mod producers;
mod speed;
