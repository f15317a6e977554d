//! A document as a page: its HTML, and the sections that a table of contents and a search need.

use std::collections::HashMap;

use ammonia::UrlRelative;
use pulldown_cmark::{CowStr, Event, Parser, Tag, TagEnd, html};

use super::table::Source;
use crate::web::markdown::{OPTIONS, cleaner};

/// What stands around a table: on a narrow page it is pushed aside, by keyboard too.
const TABLE: &str = "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Table\">";

/// A document as it is shown.
pub(super) struct Document {
    /// The last part of its address.
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) title: String,
    pub(super) html: String,
    /// In their order; the first one is the title's.
    pub(super) sections: Vec<Section>,
}

/// A heading and what stands below it, up to the next.
pub(super) struct Section {
    /// 1 for the title.
    pub(super) level: u8,
    /// What the heading is called in addresses.
    pub(super) id: String,
    pub(super) title: String,
    /// Its paragraphs, rows and lines of code, without their marks.
    pub(super) lines: Vec<String>,
}

/// Reads a document once, and notes what it passes.
#[derive(Default)]
struct Reader<'a> {
    events: Vec<Event<'a>>,
    sections: Vec<Section>,
    /// How often each identifier was wanted.
    ids: HashMap<String, usize>,
    line: String,
    /// Where the heading began that is being read.
    heading: Option<usize>,
    /// Whether the link or picture that is being read leads nowhere here.
    left_out: bool,
    in_code: bool,
}

// === impl Document ===

impl Document {
    pub(super) fn render(source: &Source) -> Self {
        let text = source.markdown();
        let mut reader = Reader::default();
        for event in Parser::new_ext(&text, OPTIONS) {
            reader.read(event, source);
        }
        let mut raw = String::with_capacity(text.len() * 3 / 2);
        html::push_html(&mut raw, reader.events.into_iter());
        let mut cleaner = cleaner();
        for heading in ["h1", "h2", "h3", "h4", "h5", "h6"] {
            cleaner.add_tag_attributes(heading, ["id"]);
        }
        cleaner
            .url_relative(UrlRelative::PassThrough)
            .add_tag_attributes("div", ["tabindex", "role", "aria-label"])
            .add_allowed_classes("div", ["scroll"])
            // A long line is pushed aside, by keyboard too.
            .set_tag_attribute_value("pre", "tabindex", "0")
            .link_rel(Some("noopener noreferrer"));
        let title = reader.sections.first().map(|section| section.title.clone());
        Self {
            name: source.name,
            about: source.about,
            title: title.unwrap_or_else(|| source.name.to_owned()),
            html: cleaner.clean(&raw).to_string(),
            sections: reader.sections,
        }
    }
}

// === impl Reader ===

impl<'a> Reader<'a> {
    fn read(&mut self, event: Event<'a>, source: &Source) {
        self.note(&event);
        match event {
            Event::Start(Tag::Link {
                link_type,
                dest_url,
                title,
                id,
            }) => match source.resolve(&dest_url) {
                Some(address) => self.events.push(Event::Start(Tag::Link {
                    link_type,
                    dest_url: address.into(),
                    title,
                    id,
                })),
                None => self.left_out = true,
            },
            Event::Start(Tag::Image {
                link_type,
                dest_url,
                title,
                id,
            }) => match source.resolve(&dest_url) {
                Some(address) => self.events.push(Event::Start(Tag::Image {
                    link_type,
                    dest_url: address.into(),
                    title,
                    id,
                })),
                None => self.left_out = true,
            },
            Event::End(TagEnd::Link | TagEnd::Image) if self.left_out => self.left_out = false,
            Event::Start(Tag::Table(columns)) => {
                self.events.push(Event::Html(TABLE.into()));
                self.events.push(Event::Start(Tag::Table(columns)));
            }
            Event::End(TagEnd::Table) => {
                self.events.push(Event::End(TagEnd::Table));
                self.events.push(Event::Html("</div>\n".into()));
            }
            event => self.events.push(event),
        }
    }

    /// Notes headings and lines.
    fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(Tag::Heading { .. }) => {
                self.end_line();
                self.heading = Some(self.events.len());
            }
            Event::End(TagEnd::Heading(level)) => self.end_heading(*level as u8),
            Event::Start(Tag::CodeBlock(_)) => {
                self.end_line();
                self.in_code = true;
            }
            Event::Text(text) if self.in_code => {
                for line in text.lines() {
                    self.line.push_str(line);
                    self.end_line();
                }
            }
            Event::Text(text) | Event::Code(text) => self.line.push_str(text),
            Event::SoftBreak | Event::HardBreak => self.line.push(' '),
            Event::End(TagEnd::TableCell) => self.line.push_str("  "),
            Event::End(TagEnd::CodeBlock) => self.in_code = false,
            Event::Start(Tag::List(_))
            | Event::End(TagEnd::Paragraph | TagEnd::Item | TagEnd::TableHead | TagEnd::TableRow) => {
                self.end_line()
            }
            _ => {}
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if let Some(section) = self.sections.last_mut()
            && !line.trim().is_empty()
        {
            section.lines.push(line.trim().to_owned());
        }
    }

    fn end_heading(&mut self, level: u8) {
        let title = std::mem::take(&mut self.line);
        let id = self.unused(slug(&title));
        let begin = self.heading.take();
        if let Some(Event::Start(Tag::Heading { id: given, .. })) =
            begin.and_then(|at| self.events.get_mut(at))
        {
            *given = Some(CowStr::from(id.clone()));
        }
        self.sections.push(Section {
            level,
            id,
            title,
            lines: Vec::new(),
        });
    }

    /// The identifier, or the first of `ID-1`, `ID-2` … that no heading has.
    fn unused(&mut self, id: String) -> String {
        let count = self.ids.entry(id.clone()).or_default();
        *count += 1;
        match *count {
            1 => id,
            more => format!("{id}-{}", more - 1),
        }
    }
}

/// What a heading is called in addresses: the rule of those who show the same files elsewhere, GitHub among them.
fn slug(title: &str) -> String {
    let letters = title.trim().chars();
    letters
        .filter_map(|letter| match letter {
            ' ' => Some('-'),
            '-' | '_' => Some(letter),
            letter if letter.is_alphanumeric() => Some(letter),
            _ => None,
        })
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_have_the_addresses_that_others_give_them() {
        for (title, id) in [
            (
                "What counts as a Space's disk",
                "what-counts-as-a-spaces-disk",
            ),
            ("`wasi` & more: 1.0", "wasi--more-10"),
            ("Über_uns", "über_uns"),
        ] {
            assert_eq!(slug(title), id);
        }
    }

    #[test]
    fn every_document_has_one_title_and_no_address_twice() {
        for document in super::super::documents() {
            let titles = document.sections.iter().filter(|one| one.level == 1);
            assert_eq!(titles.count(), 1, "{}", document.name);
            let mut ids: Vec<_> = document.sections.iter().map(|one| &one.id).collect();
            ids.sort();
            ids.dedup();
            assert_eq!(ids.len(), document.sections.len(), "{}", document.name);
            for section in &document.sections {
                let heading = format!("<h{} id=\"{}\">", section.level, section.id);
                assert!(document.html.contains(&heading), "{heading}");
            }
        }
    }
}
