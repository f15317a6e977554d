//! A drawing goes in, ten probabilities come out: a wasi:http component with its page and its network inside.

mod http;
mod image;
mod network;

use http::Answer;
use serde::{Deserialize, Serialize};
use std::time::Instant;
use wasip2::http::types::{IncomingRequest, Method, ResponseOutparam};

const PAGE: &str = include_str!("../page/index.html");
const STYLE: &str = include_str!("../page/style.css");
const SCRIPT: &str = include_str!("../page/digits.js");

#[derive(Deserialize)]
struct Drawing {
    strokes: Vec<image::Stroke>,
}

#[derive(Serialize)]
struct Reading {
    digit: usize,
    probabilities: [f32; 10],
    /// What the network was given, 0 to 16 per cell, row by row.
    pixels: Vec<u8>,
    microseconds: u128,
}

fn read(drawing: &Drawing) -> Option<Reading> {
    let start = Instant::now();
    let cells = image::cells(&drawing.strokes)?;
    let probabilities = network::probabilities(&cells.map(|cell| f32::from(cell) / 16.0));
    let digit = (0..10).max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]))?;
    let microseconds = start.elapsed().as_micros();
    Some(Reading { digit, probabilities, pixels: cells.to_vec(), microseconds })
}

fn predict(body: &[u8]) -> Answer {
    match serde_json::from_slice::<Drawing>(body) {
        Err(error) => Answer::problem(400, &format!("not a drawing: {error}")),
        Ok(drawing) => match read(&drawing) {
            None => Answer::problem(422, "an empty drawing"),
            Some(reading) => Answer::json(serde_json::to_string(&reading).unwrap_or_default()),
        },
    }
}

struct Digits;

impl wasip2::exports::http::incoming_handler::Guest for Digits {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let path = target.split('?').next().unwrap_or_default();
        // Only the last part counts, so it does not matter below which path the Space is served.
        let name = path.rsplit('/').next().unwrap_or_default();
        let answer = match (request.method(), name) {
            (Method::Get | Method::Head, "" | "index.html") => Answer::file("text/html", PAGE),
            (Method::Get | Method::Head, "style.css") => Answer::file("text/css", STYLE),
            (Method::Get | Method::Head, "digits.js") => Answer::file("text/javascript", SCRIPT),
            (Method::Post, "predict") => match http::body(request) {
                Some(body) => predict(&body),
                None => Answer::problem(413, "too long a drawing"),
            },
            (_, "predict") => Answer::problem(405, "POST a drawing here"),
            _ => Answer::problem(404, "no such page"),
        };
        answer.send(out);
    }
}

wasip2::http::proxy::export!(Digits);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_drawn_seven() {
        let body = br#"{"strokes":[[[10,10],[90,10],[40,120]]]}"#;
        let drawing: Drawing = serde_json::from_slice(body).unwrap();
        let reading = read(&drawing).unwrap();
        assert_eq!(reading.digit, 7);
        assert!((reading.probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-4);
    }

    #[test]
    fn refuses_what_is_no_drawing() {
        assert_eq!(predict(b"nonsense").status, 400);
        assert_eq!(predict(br#"{"strokes":[]}"#).status, 422);
        assert_eq!(predict(br#"{"strokes":[[]]}"#).status, 422);
    }
}
