//! Pickles and archives, put together by hand.

/// A text as protocol 4 has it.
pub(crate) fn text(text: &str) -> Vec<u8> {
    [b"\x8c", &[u8::try_from(text.len()).unwrap()][..], text.as_bytes()].concat()
}

/// An import as protocol 4 has it.
pub(crate) fn import(module: &str, name: &str) -> Vec<u8> {
    [text(module), text(name), b"\x93".to_vec()].concat()
}

/// An import as the protocols before 4 have it.
pub(crate) fn global(module: &str, name: &str) -> Vec<u8> {
    format!("c{module}\n{name}\n").into_bytes()
}

/// A call of something with one text.
pub(crate) fn call(function: &[u8], argument: &str) -> Vec<u8> {
    [function, &text(argument), b"\x85R"].concat()
}

/// A pickle of some protocol around a body.
pub(crate) fn pickle(protocol: u8, body: &[u8]) -> Vec<u8> {
    [&[0x80, protocol], body, b"."].concat()
}

/// The classic: `os.system`.
pub(crate) fn evil() -> Vec<u8> {
    pickle(4, &call(&import("os", "system"), "id"))
}

/// A member of an archive that is made by hand.
#[derive(Clone)]
pub(crate) struct Part {
    pub(crate) name: Vec<u8>,
    /// Another name in the header before the bytes.
    pub(crate) local_name: Option<Vec<u8>>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) method: u16,
    pub(crate) flags: u16,
    pub(crate) local_flags: Option<u16>,
    pub(crate) crc: Option<u32>,
    pub(crate) size: Option<u32>,
    pub(crate) attributes: u32,
    pub(crate) extra: Vec<u8>,
    pub(crate) comment: Vec<u8>,
    /// Bytes before its header.
    pub(crate) before: Vec<u8>,
    /// What the bytes say decompressed, for checksum and size.
    pub(crate) plain: Option<Vec<u8>>,
    pub(crate) descriptor: Vec<u8>,
}

/// A stored member.
pub(crate) fn part(name: &str, bytes: &[u8]) -> Part {
    Part {
        name: name.as_bytes().to_vec(),
        local_name: None,
        bytes: bytes.to_vec(),
        method: 0,
        flags: 0,
        local_flags: None,
        crc: None,
        size: None,
        attributes: 0,
        extra: Vec::new(),
        comment: Vec::new(),
        before: Vec::new(),
        plain: None,
        descriptor: Vec::new(),
    }
}

/// A deflated member.
pub(crate) fn deflated(name: &str, bytes: &[u8]) -> Part {
    let packed = miniz_oxide::deflate::compress_to_vec(bytes, 6);
    Part { method: 8, plain: Some(bytes.to_vec()), ..part(name, &packed) }
}

/// A ZIP archive with a comment, and bytes before its directory.
pub(crate) fn zip_with(parts: &[Part], gap: &[u8], comment: &[u8]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for part in parts {
        file.extend_from_slice(&part.before);
        let offset = u32::try_from(file.len()).unwrap();
        let plain = part.plain.as_ref().unwrap_or(&part.bytes);
        let crc = part.crc.unwrap_or_else(|| crc32fast::hash(plain));
        let packed = u32::try_from(part.bytes.len()).unwrap();
        let size = part.size.unwrap_or_else(|| u32::try_from(plain.len()).unwrap());
        let local_name = part.local_name.as_ref().unwrap_or(&part.name);
        let has_descriptor = !part.descriptor.is_empty();
        let header = |signature: &[u8], flags: u16, local: bool, name: &[u8]| {
            let mut bytes = signature.to_vec();
            let open = has_descriptor && local;
            bytes.extend([20, 0]);
            bytes.extend(flags.to_le_bytes());
            bytes.extend(part.method.to_le_bytes());
            bytes.extend([0; 4]);
            bytes.extend(if open { 0 } else { crc }.to_le_bytes());
            bytes.extend(if open { 0 } else { packed }.to_le_bytes());
            bytes.extend(if open { 0 } else { size }.to_le_bytes());
            bytes.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
            bytes.extend(u16::try_from(part.extra.len()).unwrap().to_le_bytes());
            bytes
        };
        file.extend(header(b"PK\x03\x04", part.local_flags.unwrap_or(part.flags), true, local_name));
        file.extend_from_slice(local_name);
        file.extend_from_slice(&part.extra);
        file.extend_from_slice(&part.bytes);
        file.extend_from_slice(&part.descriptor);
        directory.extend(header(b"PK\x01\x02\x14\x03", part.flags, false, &part.name));
        directory.extend(u16::try_from(part.comment.len()).unwrap().to_le_bytes());
        directory.extend([0; 4]);
        directory.extend(part.attributes.to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend_from_slice(&part.name);
        directory.extend_from_slice(&part.extra);
        directory.extend_from_slice(&part.comment);
    }
    file.extend_from_slice(gap);
    let at = u32::try_from(file.len()).unwrap();
    let bytes = u32::try_from(directory.len()).unwrap();
    let count = u16::try_from(parts.len()).unwrap();
    file.extend(directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend(count.to_le_bytes());
    file.extend(count.to_le_bytes());
    file.extend(bytes.to_le_bytes());
    file.extend(at.to_le_bytes());
    file.extend(u16::try_from(comment.len()).unwrap().to_le_bytes());
    file.extend_from_slice(comment);
    file
}

/// A ZIP archive.
pub(crate) fn zip(parts: &[Part]) -> Vec<u8> {
    zip_with(parts, &[], &[])
}

/// What PyTorch writes around a pickle.
pub(crate) fn torch(pickle: &[u8], storages: &[(&str, &[u8])]) -> Vec<u8> {
    let mut parts = vec![part("archive/data.pkl", pickle), part("archive/version", b"3\n")];
    parts.extend(storages.iter().map(|(key, bytes)| part(&format!("archive/data/{key}"), bytes)));
    zip(&parts)
}

/// A storage as a pickle refers to it.
pub(crate) fn storage(key: &str, elements: u8) -> Vec<u8> {
    [
        b"(".to_vec(),
        text("storage"),
        global("torch", "FloatStorage"),
        text(key),
        text("cpu"),
        vec![b'K', elements],
        b"tQ".to_vec(),
    ]
    .concat()
}

/// A tensor on that storage.
pub(crate) fn tensor(key: &str, elements: u8) -> Vec<u8> {
    [
        global("torch._utils", "_rebuild_tensor_v2"),
        b"(".to_vec(),
        storage(key, elements),
        vec![b'K', 0, b'K', elements, 0x85, b'K', 1, 0x85, 0x89],
        global("collections", "OrderedDict"),
        b")RtR".to_vec(),
    ]
    .concat()
}

/// A tar archive of plain files.
pub(crate) fn tar(members: &[(&str, u8, &[u8])]) -> Vec<u8> {
    let mut file = Vec::new();
    for (name, kind, bytes) in members {
        let mut block = [0_u8; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[100..107].copy_from_slice(b"0000644");
        let size = format!("{:011o}", bytes.len());
        block[124..135].copy_from_slice(size.as_bytes());
        block[156] = *kind;
        block[257..263].copy_from_slice(b"ustar\0");
        block[263..265].copy_from_slice(b"00");
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        file.extend(block);
        file.extend_from_slice(bytes);
        file.resize(file.len().div_ceil(512) * 512, 0);
    }
    file.resize(file.len() + 1024, 0);
    file
}

/// An array as NumPy writes it.
pub(crate) fn npy(descr: &str, shape: &str, elements: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), elements].concat()
}

/// A gzip file.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let packed = miniz_oxide::deflate::compress_to_vec(bytes, 6);
    let size = u32::try_from(bytes.len()).unwrap().to_le_bytes();
    [b"\x1f\x8b\x08\0\0\0\0\0\0\x03", &packed[..], &crc32fast::hash(bytes).to_le_bytes(), &size].concat()
}

/// A zlib stream.
pub(crate) fn zlib(bytes: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec_zlib(bytes, 6)
}
