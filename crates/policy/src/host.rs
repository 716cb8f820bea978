//! By which name a client may address the API.
//!
//! A page in a browser on this machine can point a name of its own at 127.0.0.1 and then read answers
//! as its own origin. It can't choose the `Host` header, so on a loopback listener only names that mean
//! this machine are served. Elsewhere the operator's network decides who reaches the listener.

use std::net::{IpAddr, Ipv6Addr};

use proto::Code;

use crate::Denial;

/// Whether a request that names `hosts` may be served on a listener at `listener`. HTTP wants exactly
/// one host.
///
/// # Errors
/// [`Code::InvalidRequest`] when there is none or more than one, or it is another machine's.
pub fn check_host(listener: IpAddr, hosts: &[&str]) -> Result<(), Denial> {
    let [host] = hosts else {
        return Err(Denial::new(Code::InvalidRequest, "a request names exactly one host"));
    };
    if listener.to_canonical().is_loopback() && !names_this_machine(host) {
        return Err(Denial::new(
            Code::InvalidRequest,
            "this API is served to its own machine, under another host name",
        ));
    }
    Ok(())
}

fn names_this_machine(host: &str) -> bool {
    if let Some(bracketed) = host.strip_prefix('[') {
        let Some((address, port)) = bracketed.split_once(']') else { return false };
        let port_fits = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return port_fits && address.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback());
    }
    let name = match host.split_once(':') {
        Some((name, port)) if is_port(port) => name,
        Some(_) => return false,
        None => host,
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn a_loopback_listener_answers_to_its_own_names_only() {
        for host in
            ["localhost", "LOCALHOST:80", "127.0.0.1", "127.0.0.1:8080", "127.8.9.1", "[::1]", "[::1]:443"]
        {
            assert!(check_host(HERE, &[host]).is_ok(), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "10.0.0.1",
            "localhost:",
            "localhost:x",
            "localhost:+80",
            "localhost:70000",
            "[::1",
            "[::2]",
            "[::1]x",
            "[::1]:x",
            "::1",
            "0.0.0.0",
            "2130706433",
            "127.1",
            "a@localhost",
        ] {
            assert!(check_host(HERE, &[host]).is_err(), "{host}");
        }
    }

    #[test]
    fn a_request_without_exactly_one_host_is_refused_everywhere() {
        let mapped: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
        assert!(check_host(mapped, &["evil.example"]).is_err());
        let elsewhere: IpAddr = "192.0.2.7".parse().unwrap();
        for listener in [HERE, elsewhere] {
            assert!(check_host(listener, &[]).is_err());
            assert!(check_host(listener, &["localhost", "localhost"]).is_err());
        }
        assert!(check_host(elsewhere, &["models.example:443"]).is_ok());
    }
}
