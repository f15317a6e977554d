//! Invents plants: a CGI program, started once per request. No dependencies; any language that can read its
//! environment and print could stand here.

mod json;
mod latin;
mod model;
mod query;
mod random;

use json::Object;
use latin::Gender;
use model::{Model, Word};
use query::Query;
use random::Random;
use std::io::Write;

const PAGE: &str = include_str!("../page/index.html");
const STYLE: &str = include_str!("../page/style.css");
const SCRIPT: &str = include_str!("../page/herbarium.js");
const PLANT_SCRIPT: &str = include_str!("../page/plant.js");
const GENERA: &str = include_str!("../genera.txt");
const EPITHETS: &str = include_str!("../epithets.txt");

fn main() {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let path = variable("PATH_INFO");
    // Only the last part counts, so it does not matter below which path the Space is served.
    match path.rsplit('/').next().unwrap_or_default() {
        "" | "index.html" => answer("200 OK", "text/html", PAGE),
        "style.css" => answer("200 OK", "text/css", STYLE),
        "herbarium.js" => answer("200 OK", "text/javascript", SCRIPT),
        "plant.js" => answer("200 OK", "text/javascript", PLANT_SCRIPT),
        "write" => {
            let wish = Wish::from(&Query::new(&variable("QUERY_STRING")));
            answer("200 OK", "application/json", &write(&wish));
        }
        _ => answer("404 Not Found", "text/plain", "no such page\n"),
    }
}

fn answer(status: &str, content_type: &str, body: &str) {
    // Below a path prefix the page has no origin of its own, so its own requests count as foreign.
    let head = format!(
        "Status: {status}\r\nContent-Type: {content_type}; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-cache\r\nAccess-Control-Allow-Origin: *\r\n\r\n",
        body.len()
    );
    let mut output = std::io::stdout().lock();
    // A reader that went away is nobody's fault.
    let _ = output.write_all(head.as_bytes());
    let _ = output.write_all(body.as_bytes());
    let _ = output.flush();
}

/// What is asked of the model; everything has a default and a limit.
struct Wish {
    start: String,
    temperature: f64,
    memory: usize,
    count: usize,
    seed: u64,
}

impl From<&Query> for Wish {
    fn from(query: &Query) -> Wish {
        let start = query.text("start").to_lowercase();
        Wish {
            start: start.chars().filter(char::is_ascii_lowercase).take(12).collect(),
            temperature: query.number("temperature", 0.7).clamp(0.1, 3.0),
            memory: query.number("memory", 4.0).clamp(0.0, 6.0) as usize,
            count: query.number("count", 6.0).clamp(1.0, 24.0) as usize,
            // Thirty-two bits, so that JavaScript can repeat the number.
            seed: query.parse("seed").unwrap_or_else(|| u64::from(random::fresh() as u32)),
        }
    }
}

fn write(wish: &Wish) -> String {
    let genera = Model::new(GENERA.split_whitespace());
    let epithets = [Gender::Masculine, Gender::Feminine, Gender::Neuter].map(|gender| {
        let agreeing: Vec<_> = EPITHETS.split_whitespace().map(|word| latin::agree(word, gender)).collect();
        Model::new(agreeing.iter().map(String::as_str))
    });
    let mut random = Random::new(wish.seed);
    let plants = (0..wish.count).map(|_| {
        let genus = genera.write(&wish.start, wish.memory, wish.temperature, &mut random);
        let gender = latin::gender_of(&genus.text);
        let epithet = epithets[gender as usize].write("", wish.memory, wish.temperature, &mut random);
        Object::new()
            .field("genus", &word_as_json(&genus, &genera))
            .field("epithet", &word_as_json(&epithet, &epithets[gender as usize]))
            .end()
    });
    Object::new()
        .field("seed", &wish.seed.to_string())
        .field("memory", &wish.memory.to_string())
        .field("plants", &json::array(plants))
        .end()
}

fn word_as_json(word: &Word, model: &Model) -> String {
    let letters = word.letters.iter().map(|letter| {
        let considered = letter.considered.iter().map(|(symbol, share)| {
            json::array([json::text(&model::shown(*symbol)), format!("{share:.4}")])
        });
        Object::new()
            .field("letter", &json::text(&model::shown(letter.symbol)))
            .field("given", if letter.given { "true" } else { "false" })
            .field("share", &format!("{:.4}", letter.share))
            .field("considered", &json::array(considered))
            .end()
    });
    Object::new()
        .field("text", &json::text(&word.text))
        .field("known", if model.knows(&word.text) { "true" } else { "false" })
        .field("letters", &json::array(letters))
        .end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(query: &str) -> Wish {
        Wish::from(&Query::new(query))
    }

    #[test]
    fn the_same_seed_writes_the_same_plants() {
        let wish = wish("seed=7&count=3&start=Ro");
        assert_eq!(write(&wish), write(&wish));
        assert_eq!(write(&wish).matches(r#""text":"ro"#).count(), 3);
    }

    #[test]
    fn wishes_have_limits() {
        let wish = wish("count=1e9&temperature=0&memory=-3&start=%3Cb%3EX");
        assert_eq!((wish.count, wish.memory, wish.start.as_str()), (24, 0, "bx"));
        assert!(wish.temperature >= 0.1);
    }
}
