use toml::Table;

/// A configuration is refused in one line, or taken; what is shown of it then is a configuration with the same settings.
pub fn configuration(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match ringback::print_config(text) {
        Err(sentence) => assert!(!sentence.is_empty() && !sentence.contains('\n'), "{sentence:?}"),
        Ok(shown) => {
            let again = ringback::print_config(&shown).unwrap_or_else(|error| panic!("{error}\n{shown}"));
            assert_eq!(table(&shown), table(&again));
        }
    }
}

fn table(shown: &str) -> Table {
    shown.parse().unwrap_or_else(|error| panic!("{error}\n{shown}"))
}
