//! A plant's second name agrees with the first: Rosa alba, but Cornus albus and Lilium album. (Gardeners know the
//! exceptions: trees in -us are feminine. This does not.)

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gender {
    Masculine,
    Feminine,
    Neuter,
}

pub fn gender_of(genus: &str) -> Gender {
    let ends = |endings: &[&str]| endings.iter().any(|ending| genus.ends_with(ending));
    if ends(&["a", "e", "is", "es", "ys"]) {
        Gender::Feminine
    } else if ends(&["um", "on", "en"]) {
        Gender::Neuter
    } else {
        Gender::Masculine
    }
}

/// From the masculine form, as the list has it.
pub fn agree(epithet: &str, gender: Gender) -> String {
    let with = |stem: &str, feminine: &str, neuter: &str| match gender {
        Gender::Masculine => epithet.to_owned(),
        Gender::Feminine => stem.to_owned() + feminine,
        Gender::Neuter => stem.to_owned() + neuter,
    };
    if let Some(stem) = epithet.strip_suffix("us") {
        with(stem, "a", "um")
    } else if let Some(stem) = epithet.strip_suffix("is") {
        with(stem, "is", "e")
    } else if epithet.ends_with("fer") || epithet == "tener" {
        with(epithet, "a", "um")
    } else if let Some(stem) = epithet.strip_suffix("er") {
        with(stem, "ra", "rum")
    } else if let (Some(stem), false) = (epithet.strip_suffix("or"), epithet.ends_with("color")) {
        with(stem, "or", "us")
    } else {
        epithet.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_name_agrees_with_the_first() {
        for (genus, epithet, whole) in [
            ("rosa", "albus", "rosa alba"),
            ("lilium", "albus", "lilium album"),
            ("bellis", "perennis", "bellis perennis"),
            ("galium", "viridis", "galium viride"),
            ("tilia", "ruber", "tilia rubra"),
            ("lilium", "bulbifer", "lilium bulbiferum"),
            ("sedum", "major", "sedum majus"),
            ("acorus", "bicolor", "acorus bicolor"),
            ("viola", "repens", "viola repens"),
        ] {
            assert_eq!(format!("{genus} {}", agree(epithet, gender_of(genus))), whole);
        }
    }
}
