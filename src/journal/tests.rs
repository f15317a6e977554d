use std::io::Write;
use std::time::Duration;

use super::*;
use crate::domain::SpaceId;

fn journal(folder: &tempfile::TempDir, limits: JournalLimits) -> Journal {
    Journal::open(folder.path().to_owned(), limits).expect("a writable folder")
}

fn generous() -> JournalLimits {
    JournalLimits {
        lines_per_second: 1_000_000,
        ..JournalLimits::default()
    }
}

fn texts(lines: Vec<LogLine>) -> Vec<String> {
    lines.into_iter().map(|line| line.text).collect()
}

fn everything(log: &Log) -> Vec<String> {
    texts(log.tail(usize::MAX))
}

async fn next(follow: &mut Follow) -> String {
    let line = tokio::time::timeout(Duration::from_secs(10), follow.next()).await;
    line.expect("in time").expect("not the end").text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn followers_see_every_line_once_and_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = journal(&folder, generous());
    let space = SpaceId::new();
    const LINES: usize = 5000;

    let speaker = {
        let log = journal.run(space);
        tokio::task::spawn_blocking(move || {
            for number in 0..LINES {
                log.line(&number.to_string());
                if number % 100 == 0 {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        })
    };
    let mut followers = Vec::new();
    for delay in [0, 3, 9, 30, 200] {
        let log = journal.run(space);
        followers.push(tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(delay)).await;
            let mut follow = log.follow(None);
            for number in 0..LINES {
                assert_eq!(next(&mut follow).await, number.to_string());
            }
            assert_eq!(follow.try_next(), None);
        }));
    }
    speaker.await.expect("spoke");
    for follower in followers {
        follower.await.expect("saw all");
    }
}

#[tokio::test]
async fn a_tail_goes_on_with_what_comes() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = journal(&folder, generous());
    let log = journal.build(SpaceId::new());
    for number in 0..10 {
        log.line(&number.to_string());
        if number == 5 {
            journal.flush();
        }
    }
    for (n, first) in [(0, 10), (2, 8), (4, 6), (7, 3), (10, 0), (99, 0)] {
        let mut follow = log.follow(Some(n));
        for number in first..10 {
            assert_eq!(next(&mut follow).await, number.to_string());
        }
        log.line("live");
        assert_eq!(next(&mut follow).await, "live");
        log.restart();
        (0..10).for_each(|number: usize| log.line(&number.to_string()));
        if n % 4 == 0 {
            journal.flush();
        }
    }
}

#[test]
fn it_survives_being_dropped_and_half_a_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let space = SpaceId::new();
    {
        let journal = journal(&folder, generous());
        journal.run(space).line("one");
        journal.run(space).line("two\nthree\r\n");
    }
    let path = folder.path().join(format!("{space}.run.jsonl"));
    let mut file = std::fs::File::options()
        .append(true)
        .open(&path)
        .expect("there");
    file.write_all(b"{\"at\":1,\"te").expect("written");
    let journal = journal(&folder, generous());
    let log = journal.run(space);
    assert_eq!(everything(&log), ["one", "two", "three"]);
    log.line("four");
    journal.flush();
    assert_eq!(everything(&log), ["one", "two", "three", "four"]);
}

#[test]
fn it_never_grows_past_its_size() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = JournalLimits {
        bytes_per_log: 16 << 10,
        ..generous()
    };
    let journal = journal(&folder, limits);
    let space = SpaceId::new();
    let log = journal.run(space);
    let mut follow = log.follow(None);
    for number in 0..2000 {
        log.line(&format!("line {number}"));
        if number % 50 == 0 {
            journal.flush();
        }
    }
    journal.flush();
    let path = folder.path().join(format!("{space}.run.jsonl"));
    assert!(std::fs::metadata(&path).expect("there").len() <= 16 << 10);
    let kept = everything(&log);
    assert!(
        kept[0].contains("earlier lines were dropped"),
        "{}",
        kept[0]
    );
    assert_eq!(kept.last().map(String::as_str), Some("line 1999"));
    let numbers = kept[1..]
        .iter()
        .map(|text| text[5..].parse::<u32>().expect("a number"));
    assert!(
        numbers
            .clone()
            .zip(numbers.skip(1))
            .all(|(a, b)| a + 1 == b)
    );
    // A follower that never read is told of the loss, and then reads what is kept.
    let mut late = Vec::new();
    while let Some(line) = follow.try_next() {
        late.push(line.text);
    }
    assert_eq!(late, kept);
}

#[test]
fn a_reader_that_keeps_up_sees_no_seam_when_the_older_half_goes() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = JournalLimits {
        bytes_per_log: 4 << 10,
        ..generous()
    };
    let journal = journal(&folder, limits);
    let log = journal.run(SpaceId::new());
    let mut follow = log.follow(None);
    for number in 0..1000 {
        log.line(&number.to_string());
        if number % 7 == 0 {
            journal.flush();
        }
        let line = follow.try_next().expect("said");
        assert_eq!(line.text, number.to_string());
    }
}

#[test]
fn long_lines_are_cut_and_nul_is_dropped() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = journal(&folder, generous());
    let log = journal.run(SpaceId::new());
    log.line(&"ä".repeat(5000));
    log.line("a\0b\tc\u{1b}[31md");
    let mut writer = log.writer();
    for _ in 0..100 {
        writer.write_all(&[b'x'; 1000]).expect("never fails");
    }
    writer.write_all(b"\nnext\r\nlast").expect("never fails");
    drop(writer);
    log.line("");
    let lines = everything(&log);
    assert!(lines[0].starts_with("ää") && lines[0].ends_with("ä … [1808 more bytes cut]"));
    assert_eq!(lines[1], "ab\tc\u{1b}[31md");
    assert!(
        lines[2].ends_with("x … [91808 more bytes cut]"),
        "{}",
        lines[2]
    );
    assert_eq!(lines[3..], ["next", "last", ""]);
}

#[test]
fn a_flood_is_counted_instead_of_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let limits = JournalLimits {
        lines_per_second: 10,
        ..JournalLimits::default()
    };
    let journal = journal(&folder, limits);
    let log = journal.run(SpaceId::new());
    (0..100).for_each(|number| log.line(&number.to_string()));
    assert_eq!(everything(&log).len(), 10);
    // The count comes by itself, without a further line.
    std::thread::sleep(Duration::from_millis(2300));
    let lines = everything(&log);
    assert!(lines[10].starts_with("[90 lines left out"), "{lines:?}");
    log.line("calm");
    assert_eq!(everything(&log)[11..], ["calm"]);
}

#[tokio::test]
async fn a_restart_and_a_removal_reach_followers() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = journal(&folder, generous());
    let space = SpaceId::new();
    let log = journal.build(space);
    log.line("old");
    journal.flush();
    let mut follow = log.follow(None);
    assert_eq!(next(&mut follow).await, "old");
    log.line("never read");
    log.restart();
    log.line("new");
    assert_eq!(next(&mut follow).await, "new");
    journal.flush();
    assert_eq!(everything(&log), ["new"]);

    journal.remove(space);
    assert_eq!(follow.next().await, None);
    log.line("into the void");
    journal.flush();
    assert_eq!(std::fs::read_dir(folder.path()).expect("there").count(), 0);
    assert!(everything(&journal.build(space)).is_empty());
}

#[test]
fn a_plain_line_is_what_a_terminal_would_show() {
    let plain = |text: &str| {
        let text = text.to_owned();
        LogLine { at: 0, text }.plain()
    };
    assert_eq!(plain("a\tb <b>"), "a\tb <b>");
    assert_eq!(
        plain("\u{1b}[1;31mred\u{1b}[0m, \u{1b}[2Kgone"),
        "red, gone"
    );
    assert_eq!(plain("10%\r50%\r100%\r"), "100%");
    assert_eq!(
        plain("\u{1b}]0;title\u{7}a \u{1b}]8;;x\u{1b}\\link"),
        "a link"
    );
    assert_eq!(plain("\u{202e}gpj.exe\u{8}"), "\u{fffd}gpj.exe");
    assert_eq!(plain("cut \u{1b}["), "cut ");
}
