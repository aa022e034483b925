//! Which texts are callback URLs, and that they stay as they were given.

use super::*;

fn invalid(text: &str) -> InvalidCallbackUrl {
    CallbackUrl::parse(text).expect_err(text)
}

#[test]
fn a_url_keeps_its_text_and_its_request_target() {
    for (text, host, target) in [
        ("https://example.com", "example.com", "/"),
        ("HTTPS://Example.COM:443/A/%7euser/%2F?q=%20+a&b", "Example.COM:443", "/A/%7euser/%2F?q=%20+a&b"),
        ("http://example.com/a/../b/./c//d;x=1", "example.com", "/a/../b/./c//d;x=1"),
        ("http://example.com?token=1/2", "example.com", "/?token=1/2"),
        ("http://example.com/?", "example.com", "/?"),
        ("http://0x7f.1:8080/x", "0x7f.1:8080", "/x"),
        ("http://[::1]:8080/x", "[::1]:8080", "/x"),
        ("http://bücher.example:81/x", "xn--bcher-kva.example:81", "/x"),
    ] {
        let url = CallbackUrl::parse(text).expect(text);
        assert_eq!(url.as_str(), text);
        assert_eq!(url.host_header(), host);
        assert_eq!(url.target().path_and_query().map(|target| target.as_str()), Some(target), "{text}");
    }
}

#[test]
fn what_is_not_an_absolute_http_url_is_refused() {
    use InvalidCallbackUrl as Invalid;
    for text in
        ["", "/hook", "example.com/hook", "ftp://example.com/", "file:///x", "http:/example.com", "http:x"]
    {
        assert_eq!(invalid(text), Invalid::NotHttp, "{text}");
    }
    for text in ["http://", "https:///path", "http://?x", "http://:80/", "http://a b/", "http://./"] {
        assert!(matches!(invalid(text), Invalid::Host | Invalid::Character), "{text}");
    }
    assert_eq!(invalid("https://example.com/#top"), Invalid::Fragment);
    assert_eq!(invalid("https://example.com#"), Invalid::Fragment);
    assert_eq!(invalid("https://user:secret@example.com/"), Invalid::UserInfo);
    assert_eq!(invalid("https://@example.com/"), Invalid::UserInfo);
    assert_eq!(invalid("https://example.com:0/"), Invalid::Port);
    assert_eq!(invalid("https://example.com:65536/"), Invalid::Port);
    assert_eq!(invalid("https://example.com:http/"), Invalid::Port);
}

#[test]
fn characters_that_readers_take_apart_differently_are_refused() {
    for text in [
        " https://example.com/",
        "https://example.com/ ",
        "https://example.com/a b",
        "https://exam\tple.com/",
        "https://example.com/\r\nHost: other",
        "https://example.com/\u{0}",
        "https://example.com/\u{a0}",
        "https://example.com\\@127.0.0.1/",
        "https:\\\\example.com/",
        "https://example.com/\u{e9}",
        "https://example.com/?q=\u{e9}",
    ] {
        assert!(CallbackUrl::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_url_has_at_most_2048_bytes() {
    let fits = format!("https://example.com/{}", "a".repeat(2048 - "https://example.com/".len()));
    assert!(CallbackUrl::parse(&fits).is_ok());
    assert_eq!(invalid(&(fits + "a")), InvalidCallbackUrl::TooLong);
}

#[test]
fn logs_see_the_origin_only() {
    let url = url("https://Example.com/secret?token=1");
    assert_eq!(url.origin_for_logs(), "https://example.com:443");
    assert!(!format!("{url:?}").contains("secret"));
    assert_eq!(super::url("http://[::1]:81/x").origin_for_logs(), "http://[::1]:81");
}
