//! Reading: names, listings, history, ranges and checkouts.

use super::*;

#[tokio::test]
async fn what_git_packed_is_read_and_built_upon() {
    let house = House::new().await;
    let first = house
        .commit(None, &[Put("a/x", b"one"), Put("b", b"two")])
        .await
        .unwrap();
    house.git(&["gc", "--quiet"]);
    house.git(&["tag", "-a", "v1", "-m", "x", first.as_str()]);
    house.git(&["branch", "side", first.as_str()]);
    let second = house
        .commit(Some(&first), &[Put("a/x", b"three")])
        .await
        .unwrap();
    assert_eq!(house.files(&first)["a/x"], b"one");
    assert_eq!(house.files(&second)["b"], b"two");
    let repo = house.repos.open(house.space).unwrap();
    let refs = repo.refs().unwrap();
    let names: Vec<_> = refs
        .branches
        .iter()
        .map(|branch| branch.name.as_str())
        .collect();
    assert_eq!(names, ["main", "side"]);
    assert_eq!(
        refs.tags,
        [Ref {
            name: "v1".to_owned(),
            target: first.clone()
        }]
    );
    for name in [
        "v1",
        "side",
        "refs/tags/v1",
        first.as_str(),
        &first.as_str()[..7],
        &first.as_str().to_uppercase(),
    ] {
        assert_eq!(repo.resolve(name).unwrap(), first, "{name}");
    }
    assert_eq!(repo.resolve("HEAD").unwrap(), second);
    assert_eq!(house.git(&["fsck", "--strict"]), "");
}

#[tokio::test]
async fn many_files_are_found_at_once() {
    let house = House::new().await;
    let head = house
        .commit(
            None,
            &[Put("a/x", b"one"), Put("a/b/y", b"two"), Put("z", b"")],
        )
        .await
        .unwrap();
    let repo = house.repos.open(house.space).unwrap();
    let paths = ["z", "a/x", "a", "a/b/y", "a/x/y", "b", "a/b/x", "a/x"];
    let ids = repo.file_ids(&head, &paths).unwrap();
    for (path, id) in paths.iter().zip(ids) {
        let alone = repo.file(&head, path).ok().map(|file| file.oid);
        assert_eq!(id, alone, "{path}");
        assert_eq!(
            id.is_some(),
            matches!(*path, "z" | "a/x" | "a/b/y"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn unknown_names_are_not_found() {
    let house = House::new().await;
    let repo = house.repos.open(house.space).unwrap();
    assert_eq!(repo.head().unwrap(), None);
    let zeros = "0".repeat(40);
    for name in [
        "main",
        "HEAD",
        "",
        "..",
        "main~1",
        "@{u}",
        ":/x",
        "refs/heads/../../config",
        "a b",
        "\0",
        "abcd",
        &zeros,
    ] {
        assert!(
            matches!(repo.resolve(name), Err(RepoError::RevisionNotFound(_))),
            "{name:?}"
        );
    }
    let head = house.commit(None, &[Put("d/f", b"x")]).await.unwrap();
    let blob = house.git(&["rev-parse", "HEAD:d/f"]);
    assert!(matches!(
        repo.resolve(blob.trim()),
        Err(RepoError::RevisionNotFound(_))
    ));
    for path in ["", "/", "d/", "d/f/g", "e", "../d/f", ".git/config", "d//f"] {
        assert!(
            matches!(repo.file(&head, path), Err(RepoError::EntryNotFound(_))),
            "{path:?}"
        );
    }
    assert!(matches!(
        house.repos.open(SpaceId::new()),
        Err(RepoError::NoRepository)
    ));
}

#[tokio::test]
async fn pages_cover_the_tree_once() {
    let house = House::new().await;
    let names: Vec<_> = (0..40)
        .map(|index| format!("{}/{}/{index}", index % 3, index % 2))
        .collect();
    let changes: Vec<_> = names
        .iter()
        .map(|name| Put(name, b"x"))
        .chain([Put("0.txt", b""), Put("0-", b"")])
        .collect();
    let head = house.commit(None, &changes).await.unwrap();
    let repo = house.repos.open(house.space).unwrap();
    for folder in ["", "1", "1/1"] {
        let whole = repo.tree(&head, folder, true, None, usize::MAX).unwrap();
        assert_eq!(whole.next, None);
        for limit in 1..6 {
            let (mut entries, mut after) = (Vec::new(), None);
            loop {
                let page = repo
                    .tree(&head, folder, true, after.as_deref(), limit)
                    .unwrap();
                assert!(page.entries.len() <= limit);
                entries.extend(page.entries);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(entries, whole.entries, "{folder} by {limit}");
        }
    }
    let top = repo.tree(&head, "", false, None, 9).unwrap();
    let top: Vec<_> = top
        .entries
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    assert_eq!(top, ["0-", "0.txt", "0", "1", "2"]);
}

#[tokio::test]
async fn the_last_change_of_each_path_is_found() {
    let house = House::new().await;
    let first = house
        .commit(None, &[Put("a/x", b"1"), Put("a/y", b"1"), Put("b", b"1")])
        .await
        .unwrap();
    let second = house.commit(None, &[Put("a/x", b"2")]).await.unwrap();
    let third = house
        .commit(None, &[Put("b", b"3"), Put("c/d", b"3")])
        .await
        .unwrap();
    let repo = house.repos.open(house.space).unwrap();
    let paths = ["a", "a/x", "a/y", "b", "c", "c/d", "missing", "a/missing"];
    let found = repo.last_commits(&third, &paths).unwrap();
    let ids: Vec<_> = found
        .into_iter()
        .map(|facts| facts.map(|facts| facts.id))
        .collect();
    let (one, two, three) = (
        Some(first.clone()),
        Some(second.clone()),
        Some(third.clone()),
    );
    assert_eq!(
        ids,
        [
            two.clone(),
            two,
            one,
            three.clone(),
            three.clone(),
            three,
            None,
            None
        ]
    );
    assert_eq!(repo.last_commit(&second, "b").unwrap().id, first);
    let commits = repo.commits(&third, 1, 5).unwrap();
    let ids: Vec<_> = commits.iter().map(|facts| &facts.id).collect();
    assert_eq!(ids, [&second, &first]);
    assert_eq!(
        (commits[0].title.as_str(), commits[0].message.as_str()),
        ("A title", "and more")
    );
}

#[tokio::test]
async fn ranges_are_exact() {
    let house = House::new().await;
    let bytes: Vec<u8> = (0..20_000_000_u32)
        .map(|index| (index / 7 % 251) as u8)
        .collect();
    let head = house
        .commit(None, &[Put("big", &bytes), Put("empty", b"")])
        .await
        .unwrap();
    let file = house
        .repos
        .open(house.space)
        .unwrap()
        .file(&head, "big")
        .unwrap();
    for (start, length) in [
        (0, 10),
        (0, bytes.len()),
        (8 << 20, 300_000),
        (19_999_999, 1),
        (5, 0),
    ] {
        let mut stream = house
            .repos
            .stream(house.space, file.clone(), start as u64, length as u64)
            .await
            .unwrap();
        let mut read = Vec::new();
        while let Some(chunk) = stream.next().await {
            read.extend_from_slice(&chunk.unwrap());
        }
        assert!(read == bytes[start..start + length], "{start}+{length}");
    }
    let outside = house.repos.stream(house.space, file, 19_999_999, 2).await;
    assert!(matches!(outside, Err(RepoError::Refused(_))));
    assert_eq!(house.files(&head)["empty"], b"");
}

const ROOM: CheckoutLimits = CheckoutLimits {
    files: 100,
    bytes: 1 << 20,
};

#[tokio::test]
async fn checkout_writes_the_files() {
    let house = House::new().await;
    let head = house
        .commit(None, &[Put("a/b/c", b"1"), Put("d", b"2")])
        .await
        .unwrap();
    let repo = house.repos.open(house.space).unwrap();
    let into = tempfile::tempdir().unwrap();
    repo.checkout(&head, into.path(), ROOM).unwrap();
    assert_eq!(std::fs::read(into.path().join("a/b/c")).unwrap(), b"1");
    assert_eq!(std::fs::read(into.path().join("d")).unwrap(), b"2");
    for limits in [
        CheckoutLimits { files: 2, ..ROOM },
        CheckoutLimits { bytes: 1, ..ROOM },
    ] {
        let into = tempfile::tempdir().unwrap();
        assert!(matches!(
            repo.checkout(&head, into.path(), limits),
            Err(RepoError::TooLarge(_))
        ));
    }
}

/// Trees that no commit of ours holds, but a repository touched by other hands may.
#[tokio::test]
async fn hostile_trees_are_not_checked_out() {
    let house = House::new().await;
    let folder = house.git_folder();
    house
        .commit(None, &[Put("a", b"/etc/passwd")])
        .await
        .unwrap();
    let blob = house.git(&["rev-parse", "HEAD:a"]).trim().to_owned();
    let tree = house.git(&["rev-parse", "HEAD^{tree}"]).trim().to_owned();
    let commit = house.git(&["rev-parse", "HEAD"]).trim().to_owned();
    for (line, word) in [
        (format!("120000 blob {blob}\tlink"), "symbolic link"),
        (format!("160000 commit {commit}\tmodule"), "submodule"),
        (format!("040000 tree {tree}\t.."), "name"),
        (format!("040000 tree {tree}\t.GIT"), "name"),
        (format!("100644 blob {blob}\ta\\b"), "name"),
    ] {
        let raw = raw_tree(&line);
        std::fs::write(folder.join("raw"), raw).unwrap();
        let arguments = ["hash-object", "-t", "tree", "-w", "--literally", "raw"];
        let bad = git(&folder, &arguments).trim().to_owned();
        let bad = git(
            &folder,
            &[
                "-c",
                "user.name=x",
                "-c",
                "user.email=x",
                "commit-tree",
                "-m",
                "x",
                &bad,
            ],
        );
        let repo = house.repos.open(house.space).unwrap();
        let at = repo.resolve(bad.trim()).unwrap();
        let into = tempfile::tempdir().unwrap();
        let inner = into.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        match repo.checkout(&at, &inner, ROOM) {
            Err(RepoError::Refused(text)) => assert!(text.contains(word), "{text}"),
            other => panic!("{line}: {other:?}"),
        }
        assert_eq!(std::fs::read_dir(into.path()).unwrap().count(), 1);
    }
}

/// `git mktree` refuses what is wanted here, so: mode, name, NUL, twenty bytes.
fn raw_tree(line: &str) -> Vec<u8> {
    let (facts, name) = line.split_once('\t').unwrap();
    let mut facts = facts.split(' ');
    let mode = facts.next().unwrap().trim_start_matches('0');
    let id = hex::decode(facts.nth(1).unwrap()).unwrap();
    [format!("{mode} {name}\0").as_bytes(), &id].concat()
}
