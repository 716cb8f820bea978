//! A directory that is about to be signed: its files, measured.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use package::hash::Hasher;
use package::kind::Kind;
use package::{BUNDLE_PATH, MANIFEST_PATH, Rejection, path};
use proto::link::inspector::{FILES_MAX, ListedFile};

/// Measures every file below `root` but manifest and bundle. `progress` is told each path.
///
/// # Errors
/// [`Rejection`] for what no package may hold: it is better said before it is signed.
pub(super) fn measure(root: &Path, progress: &mut dyn FnMut(&str)) -> Result<Vec<ListedFile>, Rejection> {
    let mut files = Vec::new();
    walk(root, "", &mut files)?;
    for file in &mut files {
        progress(&file.path);
        hash(root, file)?;
    }
    Ok(files)
}

/// Lists what is below a directory. Paths have a ceiling of components, and so has this recursion.
fn walk(root: &Path, above: &str, files: &mut Vec<ListedFile>) -> Result<(), Rejection> {
    let failed = |source| read_error(above, source);
    for entry in fs::read_dir(root.join(above)).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let path = if above.is_empty() { name.into_owned() } else { format!("{above}/{name}") };
        if [MANIFEST_PATH, BUNDLE_PATH].contains(&path.as_str()) {
            continue;
        }
        // A name that is no text has a character here that no path may have.
        path::check(&path)?;
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() {
            walk(root, &path, files)?;
        } else if !kind.is_file() {
            return Err(Rejection::NotRegular { path });
        } else if Kind::of(&path).is_none() {
            return Err(Rejection::KindUnsupported { path });
        } else {
            files.push(ListedFile { path, bytes: 0, digest: package::hash::sha256(&[]) });
        }
        if files.len() > FILES_MAX {
            return Err(Rejection::TooLarge);
        }
    }
    Ok(())
}

fn hash(root: &Path, listed: &mut ListedFile) -> Result<(), Rejection> {
    let failed = |source| read_error(&listed.path, source);
    let mut file = File::open(root.join(&listed.path)).map_err(failed)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut hasher = Hasher::new();
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                hasher.update(buffer.get(..read).unwrap_or_default());
                listed.bytes += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
    listed.digest = hasher.finish();
    Ok(())
}

fn read_error(path: &str, source: io::Error) -> Rejection {
    Rejection::Read { path: path.to_owned(), source }
}

const BUFFER_BYTES: usize = 256 * 1024;
