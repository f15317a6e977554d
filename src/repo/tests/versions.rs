//! Versions: what a commit changed, going back to one, and what stays of a file that is replaced.

use super::*;

const LIMITS: DiffLimits = DiffLimits {
    files: 100,
    file_bytes: 1 << 20,
    compared_bytes: 64 << 20,
    lines: 1000,
    bytes: 1 << 20,
};

/// A commit that somebody pushes, made by a script in a clone.
fn push(house: &House, script: &str) -> Revision {
    let clone = tempfile::tempdir().unwrap();
    let at = clone.path();
    let source = house.git_folder();
    git(at, &["clone", "--quiet", source.to_str().unwrap(), "."]);
    let mut shell = Command::new("sh");
    shell.args(["-ec", script]).current_dir(at);
    assert!(shell.status().unwrap().success());
    git(at, &["add", "--all"]);
    let name = ["-c", "user.name=ann", "-c", "user.email=ann"];
    git(at, &[&name[..], &["commit", "--quiet", "-m", "x"]].concat());
    git(at, &["push", "--quiet", "origin", "HEAD:main"]);
    house.git(&["rev-parse", "main"]).trim().parse().unwrap()
}

fn modes(house: &House, at: &Revision) -> Vec<String> {
    let listed = house.git(&["ls-tree", "-r", at.as_str()]);
    let lines = listed.lines().map(|line| {
        let (facts, path) = line.split_once('\t').unwrap();
        format!("{} {path}", &facts[..6])
    });
    lines.collect()
}

#[tokio::test]
async fn a_file_that_is_replaced_keeps_its_right_to_be_executed() {
    let house = House::new().await;
    house.commit(None, &[Put("run.sh", b"1")]).await.unwrap();
    push(&house, "chmod +x run.sh; ln -s run.sh link; echo > plain");
    let change = [Put("run.sh", b"2"), Put("link", b"3"), Put("plain", b"4")];
    let head = house.commit(None, &change).await.unwrap();
    // What was a link is a file now: nobody wrote where it is to lead.
    let expected = ["100644 link", "100644 plain", "100755 run.sh"];
    assert_eq!(modes(&house, &head), expected);
    let anew = [Delete("run.sh"), Put("run.sh", b"5")];
    let head = house.commit(None, &anew).await.unwrap();
    assert_eq!(modes(&house, &head)[2], "100644 run.sh");
    assert_eq!(house.git(&["fsck", "--strict", "--full"]), "");
}

#[tokio::test]
async fn going_back_is_a_new_commit_with_the_old_tree() {
    let house = House::new().await;
    house.commit(None, &[Put("a", b"1")]).await.unwrap();
    let old = push(&house, "mkdir b; echo x > b/c; chmod +x b/c; ln -s b/c l");
    let change = [Put("a", b"2"), DeleteFolder("b"), Put("new", b"n")];
    let head = house.commit(None, &change).await.unwrap();
    let back = house.commit(Some(&head), &[Restore(&old)]).await.unwrap();
    let tree = |at: &Revision| house.git(&["rev-parse", &format!("{at}^{{tree}}")]);
    assert_eq!(tree(&back), tree(&old));
    let parent = house.git(&["rev-parse", &format!("{back}^")]);
    assert_eq!(parent.trim(), head.as_str());
    // There already, and so no commit; nor is one where somebody else was faster.
    let again = house.commit(Some(&back), &[Restore(&old)]).await.unwrap();
    assert_eq!(again, back);
    let stale = house.commit(Some(&head), &[Restore(&old)]).await;
    assert!(matches!(stale, Err(RepoError::Conflict { .. })));
    let nowhere = "0".repeat(40).parse().unwrap();
    let nothing = house.commit(None, &[Restore(&nowhere)]).await;
    assert!(matches!(nothing, Err(RepoError::RevisionNotFound(_))));
    let and_more = [Restore(&head), Put("more", b"m")];
    let more = house.commit(None, &and_more).await.unwrap();
    assert_eq!(
        modes(&house, &more),
        ["100644 a", "120000 l", "100644 more", "100644 new"]
    );
    assert_eq!(house.git(&["fsck", "--strict", "--full"]), "");
}

#[tokio::test]
async fn a_commit_says_what_it_changed_as_git_does() {
    let house = House::new().await;
    let first = [
        Put("a/b.txt", b"one\ntwo\nthree\n"),
        Put("a-b", b"x"),
        Put("gone", b"1\n"),
        Put("turns", b"a file\n"),
        Put("bin", b"\0\x01"),
        Put("run", b"1\n"),
    ];
    let first = house.commit(None, &first).await.unwrap();
    let script = "sed -i s/two/2/ a/b.txt; rm gone turns; mkdir turns; echo i > turns/in; printf '\\0\\2' > bin
        chmod +x run; echo new > new";
    let second = push(&house, script);
    let repo = house.repos.open(house.space).unwrap();
    let diff = repo.diff(&second, LIMITS).unwrap();
    assert_eq!(diff.parent, Some(first.clone()));
    assert!(!diff.more);
    let letter = |change| match change {
        Change::Added => "A",
        Change::Removed => "D",
        Change::Modified => "M",
    };
    let mut ours: Vec<_> = diff.files.iter().collect();
    ours.sort_by(|one, other| one.path.cmp(&other.path));
    let ours: Vec<_> = ours
        .iter()
        .map(|file| format!("{}\t{}", letter(file.change), file.path))
        .collect();
    let range = [first.as_str(), second.as_str()];
    let theirs = house.git(&[&["diff", "--no-renames", "--name-status"], &range[..]].concat());
    let mut theirs: Vec<_> = theirs.lines().collect();
    theirs.sort_by_key(|line| line.split('\t').nth(1));
    assert_eq!(ours, theirs);

    let file = |path: &str| diff.files.iter().find(|file| file.path == path).unwrap();
    let ContentChange::Lines(hunks) = &file("a/b.txt").content else {
        panic!("{diff:?}");
    };
    let lines = hunks[0].lines.iter();
    let lines: Vec<_> = lines.map(|line| (line.kind, line.text.as_str())).collect();
    let expected = [
        (LineKind::Same, "one\n"),
        (LineKind::Removed, "two\n"),
        (LineKind::Added, "2\n"),
        (LineKind::Same, "three\n"),
    ];
    assert_eq!(lines, expected);
    assert_eq!(file("bin").content, ContentChange::Binary);
    assert_eq!(file("run").executable, Some(true));
    assert_eq!(file("run").content, ContentChange::Lines(Vec::new()));

    // All of the first one is new.
    let begun = repo.diff(&first, LIMITS).unwrap();
    assert_eq!((begun.parent, begun.files.len()), (None, 6));
    let paths = repo.changed_paths(&second, &first, 2).unwrap();
    assert_eq!((paths.0.len(), paths.1), (2, true));
}

#[tokio::test]
async fn no_commit_says_more_than_is_asked_for() {
    let house = House::new().await;
    let lines = "line\n".repeat(300);
    let names: Vec<_> = (0..20).map(|index| format!("f{index:02}")).collect();
    let mut files: Vec<_> = names
        .iter()
        .map(|name| Put(name, lines.as_bytes()))
        .collect();
    let long = "x".repeat(2 << 20);
    files.push(Put("a-long-one", long.as_bytes()));
    let head = house.commit(None, &files).await.unwrap();
    let repo = house.repos.open(house.space).unwrap();
    let diff = repo.diff(&head, LIMITS).unwrap();
    assert_eq!(diff.files[0].content, ContentChange::TooLong);
    let shown = diff.files.iter().map(|file| match &file.content {
        ContentChange::Lines(hunks) => hunks.iter().map(|hunk| hunk.lines.len()).sum(),
        _ => 0,
    });
    assert_eq!(shown.sum::<usize>(), 1000);
    assert_eq!(diff.files[20].content, ContentChange::Beyond);
    let little = DiffLimits {
        compared_bytes: 5000,
        ..LIMITS
    };
    let diff = repo.diff(&head, little).unwrap();
    assert!(matches!(diff.files[3].content, ContentChange::Lines(_)));
    assert_eq!(diff.files[4].content, ContentChange::Beyond);
    let few = DiffLimits { files: 3, ..LIMITS };
    let diff = repo.diff(&head, few).unwrap();
    assert_eq!((diff.files.len(), diff.more), (3, true));
}
