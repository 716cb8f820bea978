//! Specifications: what the jail refuses to be, and what it holds when it is.

use std::{
    fs::File,
    os::unix::{
        fs::{PermissionsExt as _, symlink},
        net::UnixListener,
    },
    path::Path,
};

use sandbox::jail::{self, JailError, JailSpec, Mount, MountSource, SealedProgram};

use crate::{
    runner::{Ran, Test},
    support::{Folder, end, log, soon, spec, start},
};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("a_name_that_is_not_plain_is_refused", names),
        Test::new("a_target_that_is_not_a_path_of_its_own_is_refused", targets),
        Test::new("a_source_that_is_neither_file_nor_directory_is_refused", sources),
        Test::new("more_descriptors_than_a_jail_takes_are_refused", too_many_descriptors),
        Test::new("a_program_that_cannot_be_executed_names_the_step", not_a_program),
        Test::new("mounts_give_what_was_declared_and_nothing_else", mounts),
        Test::new("a_mount_by_descriptor_is_that_inode_whatever_its_path_is", by_descriptor),
    ]
}

fn refusal(change: impl FnOnce(&mut JailSpec)) -> JailError {
    let mut spec = spec("exits");
    change(&mut spec);
    jail::spawn(&spec).unwrap_err()
}

fn mount(source: &Path, target: &str, writable: bool) -> Mount {
    Mount {
        source: MountSource::Path(source.to_owned()),
        target: target.to_owned(),
        writable,
        executable: false,
    }
}

fn names() -> Ran {
    for name in
        ["", "UPPER", "with space", "../up", "nul\0", "ümlaut", "a-name-of-more-than-thirty-two-bytes"]
    {
        let found = refusal(|spec| name.clone_into(&mut spec.process));
        assert!(matches!(found, JailError::Name { .. }), "{name}: {found}");
    }
    Ran::Held
}

fn targets() -> Ran {
    let long = format!("/{}", "x".repeat(2000));
    for target in ["", "/", "package", "/a/../b", "/a/./b", "//a", "/a/", "/a\0b", &long] {
        let found = refusal(|spec| spec.mounts.push(mount(Path::new("/"), target, false)));
        assert!(matches!(found, JailError::Target { .. }), "{target}: {found}");
    }
    for pair in [["/a", "/a"], ["/a", "/a/b"], ["/a/b", "/a"]] {
        let found =
            refusal(|spec| spec.mounts.extend(pair.map(|target| mount(Path::new("/"), target, false))));
        assert!(matches!(found, JailError::Target { .. }), "{pair:?}: {found}");
    }
    Ran::Held
}

fn sources() -> Ran {
    let folder = Folder::new("sources");
    symlink("/etc/passwd", folder.0.join("link")).unwrap();
    let _socket = UnixListener::bind(folder.0.join("socket")).unwrap();
    for source in [folder.0.join("link"), folder.0.join("socket"), "/dev/null".into()] {
        let found = refusal(|spec| spec.mounts.push(mount(&source, "/in", false)));
        assert!(matches!(found, JailError::Source { .. }), "{}: {found}", source.display());
    }
    let found = refusal(|spec| spec.mounts.push(mount(&folder.0.join("nothing"), "/in", false)));
    assert!(matches!(found, JailError::Prepare { step: "open a mount's source", .. }), "{found}");
    Ran::Held
}

fn too_many_descriptors() -> Ran {
    let null = File::open("/dev/null").unwrap();
    let found =
        refusal(|spec| spec.descriptors = (0..33).map(|_| null.try_clone().unwrap().into()).collect());
    assert!(matches!(found, JailError::TooManyDescriptors { found: 33 }), "{found}");
    Ran::Held
}

fn not_a_program() -> Ran {
    let folder = Folder::new("program");
    let path = folder.0.join("program");
    std::fs::write(&path, "no program").unwrap();
    let found = refusal(|spec| spec.engine = SealedProgram::load(&path).unwrap());
    assert!(matches!(found, JailError::Child { step: "execute its program", .. }), "{found}");
    assert!(SealedProgram::load(&folder.0).is_err());
    assert!(SealedProgram::load(Path::new("/dev/zero")).is_err());
    Ran::Held
}

fn mounts() -> Ran {
    let folder = Folder::new("mounts");
    let (read, write) = (folder.0.join("in"), folder.0.join("out"));
    for path in [&read, &write] {
        std::fs::create_dir(path).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    std::fs::write(read.join("file"), "x").unwrap();
    std::fs::set_permissions(read.join("file"), std::fs::Permissions::from_mode(0o666)).unwrap();
    symlink("file", read.join("link")).unwrap();
    let mut spec = spec("uses-its-mounts");
    // The auditor's profile is the one that may write.
    spec.profile = sandbox::filter::named("auditor").unwrap();
    spec.mounts = vec![
        mount(&read, "/in", false),
        mount(&read.join("file"), "/one", false),
        mount(&write, "/out", true),
    ];
    let mut jailed = start(spec);
    jailed.report(soon()).unwrap();
    end(&mut jailed);
    let said = log(&mut jailed);
    let wanted = "read: yes\nwrite to a read-only mount: no\ncreate in a read-only mount: no\nfollow a link: no\n\
        list the root: no\nlist a mount: yes\nclimb: no\nread one file: yes\nwrite: yes\n\
        write beyond the ceiling: no\n";
    assert_eq!(said, wanted);
    assert_eq!(std::fs::read(write.join("large")).unwrap().len(), 4096);
    Ran::Held
}

fn by_descriptor() -> Ran {
    let folder = Folder::new("descriptor");
    let path = folder.0.join("file");
    std::fs::write(&path, "first").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
    let opened = File::open(&path).unwrap();
    std::fs::rename(&path, folder.0.join("elsewhere")).unwrap();
    std::fs::create_dir(&path).unwrap();
    let mut spec = spec("uses-its-mounts");
    spec.mounts.push(Mount {
        source: MountSource::Descriptor(opened.into()),
        target: "/one".to_owned(),
        writable: false,
        executable: false,
    });
    let mut jailed = start(spec);
    jailed.report(soon()).unwrap();
    end(&mut jailed);
    assert!(log(&mut jailed).contains("read one file: yes"));
    Ran::Held
}
