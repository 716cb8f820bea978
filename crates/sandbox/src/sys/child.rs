//! The new process, from its birth to the program: raw calls on data that the parent prepared.
//!
//! The child is a copy of one thread of a process that may have many, so it must not allocate, lock,
//! panic or unwind: it walks prepared lists and makes calls.

use std::{
    ffi::{CStr, CString},
    io, mem,
    os::fd::{FromRawFd, OwnedFd, RawFd},
    ptr,
};

use crate::filter::Instruction;

/// What the child does, in this order. Descriptors are borrowed from the parent, which keeps them open
/// until the child runs its program.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each says whether one control is put on")]
pub(crate) struct Orders {
    /// Which namespaces are new, as `CLONE_NEW*`.
    pub(crate) namespaces: u64,
    /// The control group that it is born into, version 2.
    pub(crate) born_into: Option<RawFd>,
    /// Where it writes itself into a control group, version 1.
    pub(crate) groups: Vec<RawFd>,
    /// Where the parent says that the child may go on; closed when the parent died.
    pub(crate) go: RawFd,
    /// The parent's end of it, which the child closes.
    pub(crate) go_parent: RawFd,
    /// Where the child says what failed.
    pub(crate) failures: RawFd,
    /// Who it becomes.
    pub(crate) id: u32,
    /// Whether user namespaces below its own are forbidden.
    pub(crate) forbid_nested: bool,
    /// Whether it drops its supplementary groups.
    pub(crate) drop_groups: bool,
    /// The root filesystem, and what is attached in it; `None` leaves the parent's.
    pub(crate) root: Option<(RawFd, Vec<(RawFd, CString)>)>,
    /// Its host name, when that is its own to set.
    pub(crate) host_name: Option<CString>,
    /// Resource limits: which, and both values.
    pub(crate) limits: Vec<(u32, u64)>,
    /// Whether all capabilities are dropped.
    pub(crate) drop_capabilities: bool,
    /// Whether it gives up gaining rights.
    pub(crate) no_new_privileges: bool,
    /// Whether writable memory can never become executable.
    pub(crate) deny_executable_gain: bool,
    /// Whether it dies with its parent.
    pub(crate) die_with_parent: bool,
    /// Landlock rules, and flags to put them on with.
    pub(crate) landlock: Option<(RawFd, u32)>,
    /// What is open at 0, 1, 2 and so on. Each is at least [`PREPARED_MIN`].
    pub(crate) placed: Vec<RawFd>,
    /// Whether everything else is closed.
    pub(crate) close_others: bool,
    /// The program, at least [`PREPARED_MIN`].
    pub(crate) program: RawFd,
    /// Its argument zero.
    pub(crate) name: CString,
    /// Its environment: empty, outside tests.
    pub(crate) environment: Option<CString>,
    /// The filter it runs under.
    pub(crate) filter: Option<Vec<Instruction>>,
}

/// Prepared descriptors are at or above this number, so that placing the rest never overwrites one.
pub(crate) const PREPARED_MIN: i32 = 64;

/// Where the program is when it is executed; the filters allow executing this one alone.
pub(crate) const PROGRAM_AT: i32 = 63;

/// A new process that waits for its go.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) process: i32,
    pub(crate) descriptor: OwnedFd,
}

/// What a failed child says: which step, and the error number.
pub(crate) const FAILURE_BYTES: usize = 8;

/// The steps of the child, by what they do.
pub(crate) const STEPS: &[&str] = &[
    "enter its control groups",
    "wait for its supervisor",
    "take its identity",
    "attach its root filesystem",
    "attach a mount",
    "change its root",
    "leave the old root",
    "name its host",
    "limit its resources",
    "drop its capabilities",
    "give up gaining rights",
    "die with its supervisor",
    "put on its Landlock rules",
    "place its descriptors",
    "put on its filter",
    "execute its program",
];

#[derive(Clone, Copy)]
enum Step {
    Groups,
    Go,
    Identity,
    AttachRoot,
    AttachMount,
    Pivot,
    LeaveRoot,
    HostName,
    Limits,
    Capabilities,
    NoNewPrivileges,
    ParentDeath,
    Landlock,
    Place,
    Filter,
    Execute,
}

/// Makes the new process. It carries out its orders once `go` has a byte to read.
pub(crate) fn start(orders: &Orders) -> io::Result<Child> {
    let environment = [orders.environment.as_ref().map_or(ptr::null(), |one| one.as_ptr()), ptr::null()];
    let arguments = [orders.name.as_ptr(), ptr::null()];
    let filter = orders.filter.as_deref().unwrap_or_default();
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?,
        filter: filter.as_ptr().cast::<libc::sock_filter>().cast_mut(),
    };
    let mut descriptor: libc::c_int = -1;
    // SAFETY: all-zero is a valid value of this structure of numbers.
    let mut request: libc::clone_args = unsafe { mem::zeroed() };
    // The child takes over none of the parent's signal handlers.
    request.flags = orders.namespaces | u64::from(libc::CLONE_PIDFD.cast_unsigned()) | CLONE_CLEAR_SIGHAND;
    if let Some(group) = orders.born_into {
        request.flags |= CLONE_INTO_CGROUP;
        request.cgroup = u64::from(group.cast_unsigned());
    }
    request.pidfd = (&raw mut descriptor) as u64;
    request.exit_signal = libc::SIGCHLD.cast_unsigned().into();
    // SAFETY: the request has the size that is told, its only address is that of a live int, and without
    // CLONE_VM the child has its own copy of all memory. The child runs only `obey`, which is
    // async-signal-safe, and never returns from it.
    let process = unsafe {
        match libc::syscall(libc::SYS_clone3, &raw mut request, mem::size_of::<libc::clone_args>()) {
            -1 => return Err(io::Error::last_os_error()),
            0 => obey(orders, &program, &arguments, &environment),
            process => process,
        }
    };
    let process = i32::try_from(process).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    // SAFETY: the kernel put a new descriptor there, which nobody else owns.
    Ok(Child { process, descriptor: unsafe { OwnedFd::from_raw_fd(descriptor) } })
}

/// Carries out the orders; ends in the program or in the process's end.
unsafe fn obey(
    orders: &Orders,
    filter: &libc::sock_fprog,
    arguments: &[*const libc::c_char; 2],
    environment: &[*const libc::c_char; 2],
) -> ! {
    // SAFETY: this process is the child; every pointer below is to memory that it has its own copy of.
    let step = unsafe { steps(orders, filter, arguments, environment) };
    let failure = [step as u32, errno()];
    // SAFETY: the array is live, and the process ends here whatever the write gives.
    unsafe {
        libc::syscall(libc::SYS_write, orders.failures, failure.as_ptr(), FAILURE_BYTES);
        loop {
            libc::syscall(libc::SYS_exit_group, 127);
        }
    }
}

/// The error number of the last raw call.
fn errno() -> u32 {
    // SAFETY: glibc gives the address of the calling thread's own number.
    unsafe { *libc::__errno_location() }.cast_unsigned()
}

/// Gives back the step that failed; does not give back when the program runs.
unsafe fn steps(
    orders: &Orders,
    filter: &libc::sock_fprog,
    arguments: &[*const libc::c_char; 2],
    environment: &[*const libc::c_char; 2],
) -> Step {
    // SAFETY: each call takes numbers, or pointers to prepared data that outlives it.
    unsafe {
        if !enter_groups(orders) {
            return Step::Groups;
        }
        if !wait_for_go(orders) {
            return Step::Go;
        }
        if !take_identity(orders) {
            return Step::Identity;
        }
        if orders.forbid_nested {
            forbid_nested_namespaces();
        }
        if let Some((base, attachments)) = &orders.root
            && let Err(step) = change_root(*base, attachments)
        {
            return step;
        }
        if let Some(name) = &orders.host_name
            && !set_host_name(name)
        {
            return Step::HostName;
        }
        for (resource, value) in &orders.limits {
            let limit = libc::rlimit { rlim_cur: *value, rlim_max: *value };
            if call(libc::SYS_prlimit64, [0, (*resource).into(), address(&raw const limit), 0, 0]) != 0 {
                return Step::Limits;
            }
        }
        #[cfg(feature = "ablation")]
        if !orders.drop_capabilities {
            keep_capabilities();
        }
        if orders.drop_capabilities && !drop_capabilities() {
            return Step::Capabilities;
        }
        if orders.no_new_privileges && !prctl(libc::PR_SET_NO_NEW_PRIVS, 1) {
            return Step::NoNewPrivileges;
        }
        if orders.die_with_parent && !die_with_parent(orders) {
            return Step::ParentDeath;
        }
        enter(orders, filter, arguments, environment)
    }
}

/// The steps that the process's own rights must survive: rules, descriptors, filter, program.
unsafe fn enter(
    orders: &Orders,
    filter: &libc::sock_fprog,
    arguments: &[*const libc::c_char; 2],
    environment: &[*const libc::c_char; 2],
) -> Step {
    // SAFETY: as in `steps`.
    unsafe {
        if let Some((rules, flags)) = orders.landlock
            && call(libc::SYS_landlock_restrict_self, [rules.into(), flags.into(), 0, 0, 0]) != 0
        {
            return Step::Landlock;
        }
        if !place(orders) {
            return Step::Place;
        }
        if orders.deny_executable_gain {
            // Kernels before 6.3 lack it: the probe says so.
            prctl(PR_SET_MDWE, 1);
        }
        let none: u64 = 0;
        call(libc::SYS_rt_sigprocmask, [libc::SIG_SETMASK.into(), address(&raw const none), 0, 8, 0]);
        if orders.filter.is_some() {
            let request = [
                libc::SECCOMP_SET_MODE_FILTER.into(),
                libc::SECCOMP_FILTER_FLAG_LOG.cast_signed(),
                address(&raw const *filter),
                0,
                0,
            ];
            if call(libc::SYS_seccomp, request) != 0 {
                return Step::Filter;
            }
        }
        call(
            libc::SYS_execveat,
            [
                PROGRAM_AT.into(),
                address(c"".as_ptr()),
                address(arguments.as_ptr()),
                address(environment.as_ptr()),
                libc::AT_EMPTY_PATH.into(),
            ],
        );
        Step::Execute
    }
}

/// Before all else, so that all it does counts there.
unsafe fn enter_groups(orders: &Orders) -> bool {
    let myself = address(c"0".as_ptr());
    // SAFETY: the text is static, and the descriptors are the parent's.
    unsafe {
        orders.groups.iter().all(|tasks| call(libc::SYS_write, [(*tasks).into(), myself, 1, 0, 0]) == 1)
    }
}

unsafe fn wait_for_go(orders: &Orders) -> bool {
    let mut byte = 0_u8;
    // SAFETY: the kernel writes at most one byte to a live byte.
    unsafe {
        // The child's copy of the parent's end would keep the pipe open when the parent dies.
        call(libc::SYS_close, [orders.go_parent.into(), 0, 0, 0, 0]);
        if orders.die_with_parent {
            prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL.into());
        }
        loop {
            match call(libc::SYS_read, [orders.go.into(), address(&raw mut byte), 1, 0, 0]) {
                1 => return true,
                -1 if errno() == libc::EINTR.cast_unsigned() => {}
                _ => return false,
            }
        }
    }
}

/// Takes the one id that its user namespace maps. It keeps the namespace's capabilities for now.
unsafe fn take_identity(orders: &Orders) -> bool {
    let id = i64::from(orders.id);
    // SAFETY: the calls take plain numbers; no groups are passed, so no pointer is read.
    unsafe {
        (!orders.drop_groups || call(libc::SYS_setgroups, [0, 0, 0, 0, 0]) == 0)
            && call(libc::SYS_setresgid, [id, id, id, 0, 0]) == 0
            && call(libc::SYS_setresuid, [id, id, id, 0, 0]) == 0
            && call(libc::SYS_setsid, [0, 0, 0, 0, 0]) >= 0
            && call(libc::SYS_umask, [0o077, 0, 0, 0, 0]) >= 0
    }
}

/// Sets the count of user namespaces below this one to none. The filter refuses them too; where the
/// kernel's files can't be written here, it does so alone.
unsafe fn forbid_nested_namespaces() {
    let path = c"/proc/sys/user/max_user_namespaces";
    let flags = libc::O_WRONLY | libc::O_CLOEXEC | libc::O_NOFOLLOW;
    // SAFETY: both strings are static, and the descriptor is closed where it was opened.
    unsafe {
        let file =
            call(libc::SYS_openat, [libc::AT_FDCWD.into(), address(path.as_ptr()), flags.into(), 0, 0]);
        if file >= 0 {
            call(libc::SYS_write, [file, address(c"0".as_ptr()), 1, 0, 0]);
            call(libc::SYS_close, [file, 0, 0, 0, 0]);
        }
    }
}

/// Attaches the prepared mounts and makes the new root the only one there is.
unsafe fn change_root(base: RawFd, attachments: &[(RawFd, CString)]) -> Result<(), Step> {
    let here = address(c".".as_ptr());
    // SAFETY: every string is static or prepared, and every descriptor is the parent's.
    unsafe {
        if !attach(base, libc::AT_FDCWD, c"/") {
            return Err(Step::AttachRoot);
        }
        for (tree, target) in attachments {
            if !attach(*tree, base, target) {
                return Err(Step::AttachMount);
            }
        }
        if call(libc::SYS_fchdir, [base.into(), 0, 0, 0, 0]) != 0
            || call(libc::SYS_pivot_root, [here, here, 0, 0, 0]) != 0
        {
            return Err(Step::Pivot);
        }
        if call(libc::SYS_umount2, [here, libc::MNT_DETACH.into(), 0, 0, 0]) != 0
            || call(libc::SYS_chdir, [address(c"/".as_ptr()), 0, 0, 0, 0]) != 0
        {
            return Err(Step::LeaveRoot);
        }
    }
    Ok(())
}

unsafe fn attach(tree: RawFd, folder: RawFd, target: &CStr) -> bool {
    let arguments = [
        tree.into(),
        address(c"".as_ptr()),
        folder.into(),
        address(target.as_ptr()),
        MOVE_MOUNT_F_EMPTY_PATH,
    ];
    // SAFETY: both strings live through the call.
    unsafe { call(libc::SYS_move_mount, arguments) == 0 }
}

unsafe fn set_host_name(name: &CStr) -> bool {
    let length = i64::try_from(name.count_bytes()).unwrap_or(0);
    // SAFETY: the string lives through the call and has this length.
    unsafe {
        call(libc::SYS_sethostname, [address(name.as_ptr()), length, 0, 0, 0]) == 0
            && call(libc::SYS_setdomainname, [address(name.as_ptr()), 0, 0, 0, 0]) == 0
    }
}

/// Drops every capability from every set, and locks the rules by which they could come back.
unsafe fn drop_capabilities() -> bool {
    // SAFETY: the options take plain numbers; the structures are those of capset(2), version 3.
    unsafe {
        for capability in 0..CAPABILITIES_MAX {
            // The first number that the kernel doesn't know ends the list.
            if !prctl(libc::PR_CAPBSET_DROP, capability) {
                if errno() != libc::EINVAL.cast_unsigned() {
                    return false;
                }
                break;
            }
        }
        let header = [CAPABILITY_VERSION_3, 0_u32];
        let none = [0_u32; 6];
        prctl(libc::PR_SET_SECUREBITS, SECURE_BITS_LOCKED)
            && call(libc::SYS_capset, [address(header.as_ptr()), address(none.as_ptr()), 0, 0, 0]) == 0
    }
}

/// Keeps every capability of its namespace through the execution, as a root inside would.
#[cfg(feature = "ablation")]
unsafe fn keep_capabilities() {
    // SAFETY: as in `drop_capabilities`; the kernel writes the sets to a live array of their size.
    unsafe {
        let header = [CAPABILITY_VERSION_3, 0_u32];
        let mut sets = [0_u32; 6];
        call(libc::SYS_capget, [address(header.as_ptr()), address(sets.as_mut_ptr()), 0, 0, 0]);
        // Effective, permitted, inheritable; then the same for the upper half.
        (sets[2], sets[5]) = (sets[1], sets[4]);
        call(libc::SYS_capset, [address(header.as_ptr()), address(sets.as_ptr()), 0, 0, 0]);
        for capability in 0..CAPABILITIES_MAX {
            let raise = [libc::PR_CAP_AMBIENT.into(), libc::PR_CAP_AMBIENT_RAISE.into(), capability, 0, 0];
            call(libc::SYS_prctl, raise);
        }
    }
}

/// Asks to be killed when the parent dies, and ends if it is dead by now. Only after the identity was
/// taken: a change of identity forgets the wish.
unsafe fn die_with_parent(orders: &Orders) -> bool {
    let mut go = libc::pollfd { fd: orders.go, events: 0, revents: 0 };
    // SAFETY: the structure lives through the call, and the kernel fills it in place.
    unsafe {
        prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL.into())
            && call(libc::SYS_poll, [address(&raw mut go), 1, 0, 0, 0]) >= 0
            && go.revents & libc::POLLHUP == 0
    }
}

unsafe fn place(orders: &Orders) -> bool {
    let mut next = 0_i64;
    // SAFETY: the calls take plain numbers, and the child's descriptors are its own.
    unsafe {
        for descriptor in &orders.placed {
            if call(libc::SYS_dup3, [(*descriptor).into(), next, 0, 0, 0]) != next {
                return false;
            }
            next += 1;
        }
        let program =
            call(libc::SYS_dup3, [orders.program.into(), PROGRAM_AT.into(), libc::O_CLOEXEC.into(), 0, 0]);
        // Closed when the program is executed, and not before: the program and the pipe that says what
        // failed are among them.
        let rest = [next, u32::MAX.into(), libc::CLOSE_RANGE_CLOEXEC.into(), 0, 0];
        program >= 0 && (!orders.close_others || call(libc::SYS_close_range, rest) == 0)
    }
}

unsafe fn prctl(option: i32, argument: i64) -> bool {
    // SAFETY: the caller passes only options that take plain numbers.
    unsafe { call(libc::SYS_prctl, [option.into(), argument, 0, 0, 0]) >= 0 }
}

unsafe fn call(number: libc::c_long, arguments: [i64; 5]) -> i64 {
    let [first, second, third, fourth, fifth] = arguments;
    // SAFETY: the caller answers for the arguments. The call allocates nothing and takes no lock.
    unsafe { libc::syscall(number, first, second, third, fourth, fifth) }
}

/// An address as a raw argument.
fn address<T>(pointer: *const T) -> i64 {
    (pointer as u64).cast_signed()
}

const CLONE_CLEAR_SIGHAND: u64 = 0x1_0000_0000;
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
const MOVE_MOUNT_F_EMPTY_PATH: i64 = 0x4;
const PR_SET_MDWE: i32 = 65;
const CAPABILITIES_MAX: i64 = 64;
const CAPABILITY_VERSION_3: u32 = 0x2008_0522;
/// No root, no fix-ups, no ambient capabilities, each with its lock; keep-capabilities off and locked.
const SECURE_BITS_LOCKED: i64 = 0xef;
