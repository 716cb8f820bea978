//! What is being examined: a file, or something in it.

use super::content::Content;

/// A file, a member of an archive, or what comes out of a compressed file.
#[derive(Clone, Debug)]
pub struct Subject<'s> {
    /// The entry of the directory.
    pub path: &'s str,
    /// The members on the way to it, from the outside in.
    pub members: Vec<String>,
    /// The name of the format around it; nothing for a file.
    pub within: Option<&'static str>,
    /// Its bytes.
    pub content: Content<'s>,
}

impl<'s> Subject<'s> {
    /// A file of the directory.
    pub const fn file(path: &'s str, content: Content<'s>) -> Self {
        Self { path, members: Vec::new(), within: None, content }
    }

    /// Something in this, called `name` in a format called `within`.
    pub fn member<'m>(&self, name: &str, within: &'static str, content: Content<'m>) -> Subject<'m>
    where
        's: 'm,
    {
        let mut members = self.members.clone();
        members.push(name.to_owned());
        Subject { path: self.path, members, within: Some(within), content }
    }

    /// Its last path component.
    pub fn name(&self) -> &str {
        let path = self.members.last().map_or(self.path, String::as_str);
        path.rsplit(['/', '\\']).next().unwrap_or(path)
    }

    /// The part of its name after the last dot, lower case.
    pub fn extension(&self) -> Option<String> {
        self.name().rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase())
    }
}
