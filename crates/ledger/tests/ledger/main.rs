//! Ledgers in memory: read, recovered, compared with other people's code, and tampered with.
#![cfg(test)]

extern crate stockade_ledger as ledger;

mod book;
mod foreign;
mod properties;
mod reading;
mod recovering;
mod schema;
mod tampering;
