//! The families of attacks: what fails is named.

use stockade_hostile::attacks::FAMILIES;

use crate::siege::{Siege, alone};

fn withstands(family: &str) {
    let _one_at_a_time = alone();
    let (_, attacks) = FAMILIES.iter().find(|(name, _)| *name == family).unwrap();
    let siege = Siege::lay(attacks);
    let mut complaints: Vec<String> = attacks
        .iter()
        .filter_map(|attack| siege.complaint(attack).map(|complaint| format!("{}: {complaint}", attack.name)))
        .collect();
    complaints.extend(siege.lifted());
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn a_worker_reaches_no_file_but_its_package() {
    withstands("files");
}

#[test]
fn a_worker_reaches_nothing_by_a_socket() {
    withstands("network");
}

#[test]
fn a_worker_reaches_no_process_and_becomes_none() {
    withstands("process");
}

#[test]
fn a_worker_reaches_no_part_of_the_kernel_that_it_does_not_need() {
    withstands("kernel");
}

#[test]
fn a_worker_finds_nothing_that_was_left_behind() {
    withstands("environment");
}

#[test]
fn a_worker_takes_no_more_than_its_share() {
    withstands("resources");
}

#[test]
fn there_are_as_many_attacks_as_are_promised() {
    let families: Vec<usize> = FAMILIES.iter().map(|(_, attacks)| attacks.len()).collect();
    assert!(families.iter().sum::<usize>() >= 60, "{families:?}");
}
