//! The list of examiners. A file belongs to the first format that recognises it, so the more special
//! ones stand first.

use super::examiner::Examiner;
use super::{text, zip};

pub(super) const EXAMINERS: &[&Examiner] = &[&zip::EXAMINER, &text::EXAMINER];
