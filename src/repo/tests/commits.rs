//! Commits: what lands, what is refused, what a crash leaves.

use super::*;

#[tokio::test]
async fn git_reads_what_we_write() {
    let house = House::new().await;
    let big = vec![7; 3 << 20];
    let first = [
        Put("README.md", b"hi"),
        Put("a/b/c.txt", b"c"),
        Put("a.b", b""),
        Put("a-b", &big),
        Put("é/日本", b"x"),
    ];
    house.commit(None, &first).await.unwrap();
    let second = [
        Put("a/b/d.txt", b"d"),
        DeleteFolder("a/b"),
        Put("a/b", b"now a file"),
        Delete("a.b"),
    ];
    let head = house.commit(None, &second).await.unwrap();

    assert_eq!(house.git(&["fsck", "--strict", "--full"]), "");
    assert_eq!(house.git(&["rev-parse", "HEAD"]).trim(), head.as_str());
    assert_eq!(
        house.git(&["log", "-1", "--format=%an|%s|%b"]).trim(),
        "ann|A title|and more"
    );
    let clone = house.folder.path().join("clone");
    let source = house.git_folder();
    git(
        house.folder.path(),
        &[
            "clone",
            "--quiet",
            source.to_str().unwrap(),
            clone.to_str().unwrap(),
        ],
    );
    assert_eq!(std::fs::read(clone.join("a-b")).unwrap(), big);
    assert_eq!(std::fs::read(clone.join("a/b")).unwrap(), b"now a file");
    assert!(!clone.join("a.b").exists());
}

#[tokio::test]
async fn everything_may_be_deleted() {
    let house = House::new().await;
    house.commit(None, &[Put("a/b", b"1")]).await.unwrap();
    let head = house.commit(None, &[DeleteFolder("a")]).await.unwrap();
    assert!(house.files(&head).is_empty());
    assert_eq!(house.git(&["fsck", "--strict"]), "");
}

#[tokio::test]
async fn a_stale_parent_changes_nothing() {
    let house = House::new().await;
    let first = house.commit(None, &[Put("a", b"1")]).await.unwrap();
    let second = house.commit(Some(&first), &[Put("a", b"2")]).await.unwrap();
    let objects = house.git(&["count-objects"]);
    let stale = house.commit(Some(&first), &[Put("a", b"3")]).await;
    match stale {
        Err(RepoError::Conflict { expected, actual }) => {
            assert_eq!((expected, actual), (Some(first), Some(second)))
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(house.git(&["count-objects"]), objects);
}

#[tokio::test]
async fn commits_at_once_all_land_in_one_line() {
    let house = House::new().await;
    house.commit(None, &[Put("start", b"")]).await.unwrap();
    let names: Vec<_> = (0..8).map(|index| format!("f{index}")).collect();
    let changes: Vec<_> = names.iter().map(|name| [Put(name, b"x")]).collect();
    let commits =
        futures_util::future::join_all(changes.iter().map(|change| house.commit(None, change)))
            .await;
    assert!(commits.iter().all(Result::is_ok));
    let head = house
        .repos
        .open(house.space)
        .unwrap()
        .head()
        .unwrap()
        .unwrap();
    assert_eq!(house.files(&head).len(), 9);
    assert_eq!(house.git(&["rev-list", "--count", "HEAD"]).trim(), "9");
}

#[tokio::test]
async fn a_commit_without_change_is_the_head() {
    let house = House::new().await;
    assert!(matches!(
        house.commit(None, &[]).await,
        Err(RepoError::Refused(_))
    ));
    let head = house.commit(None, &[Put("a", b"1")]).await.unwrap();
    assert_eq!(house.commit(None, &[Put("a", b"1")]).await.unwrap(), head);
    assert_eq!(house.commit(None, &[]).await.unwrap(), head);
    assert_eq!(
        house
            .commit(None, &[Put("b", b"1"), Delete("b")])
            .await
            .unwrap(),
        head
    );
}

#[tokio::test]
async fn impossible_changes_are_refused_whole() {
    let house = House::new().await;
    let head = house
        .commit(None, &[Put("file", b"1"), Put("folder/x", b"2")])
        .await
        .unwrap();
    for bad in [
        [Put("new", b"n"), Put("file/below", b"x")],
        [Put("new", b"n"), Put("folder", b"x")],
        [Put("new", b"n"), Put("new/below", b"x")],
        [Put("new", b"n"), Delete("missing")],
        [Put("new", b"n"), Delete("folder")],
        [Put("new", b"n"), DeleteFolder("file")],
        [Put("new", b"n"), DeleteFolder("fold")],
    ] {
        assert!(
            matches!(house.commit(None, &bad).await, Err(RepoError::Refused(_))),
            "{bad:?}"
        );
    }
    assert_eq!(
        house.repos.open(house.space).unwrap().head().unwrap(),
        Some(head)
    );
}

#[tokio::test]
async fn limits_are_kept() {
    let limits = RepoLimits {
        file_bytes: 1 << 20,
        commit_bytes: 3 << 20,
        tree_bytes: 4 << 20,
        files: 10,
        operations: 20,
        repo_bytes: 5 << 20,
        ..RepoLimits::default()
    };
    let house = House::with(limits).await;
    // Noise, so that the history takes as much on disk as was sent.
    let noise = |seed: u8| -> Vec<u8> {
        let mut hash = blake3::Hasher::new().update(&[seed]).finalize_xof();
        let mut bytes = vec![0; 1 << 20];
        hash.fill(&mut bytes);
        bytes
    };
    let text = |error: Result<Revision, RepoError>| match error {
        Err(RepoError::TooLarge(text)) => text,
        other => panic!("{other:?}"),
    };
    let (a, b, c, d, e) = (noise(1), noise(2), noise(3), noise(4), noise(5));
    assert!(text(house.commit(None, &[Put("a", &[0; (1 << 20) + 1])]).await).contains("1 MiB"));
    assert!(
        text(
            house
                .commit(
                    None,
                    &[Put("a", &a), Put("b", &b), Put("c", &c), Put("d", &d)]
                )
                .await
        )
        .contains("3 MiB")
    );
    house
        .commit(None, &[Put("a", &a), Put("b", &b), Put("c", &c)])
        .await
        .unwrap();
    assert!(
        text(house.commit(None, &[Put("d", &d), Put("e", &e)]).await).contains("at most 4 MiB")
    );
    house
        .commit(None, &[Put("d", &d), Delete("a")])
        .await
        .unwrap();
    assert!(text(house.commit(None, &[Put("e", &e)]).await).contains("history"));
    // What is stored already costs nothing.
    house.commit(None, &[Put("a", &a)]).await.unwrap();

    let names: Vec<_> = (0..21).map(|index| format!("n{index}")).collect();
    let many: Vec<_> = names.iter().map(|name| Put(name, b"")).collect();
    assert!(text(house.commit(None, &many).await).contains("20 operations"));
    assert!(text(house.commit(None, &many[..15]).await).contains("at most 10"));
}

#[tokio::test]
async fn a_hundred_thousand_files_are_refused() {
    let house = House::new().await;
    let mut spool = house.repos.spool(house.room()).unwrap();
    let content = spool.put(b"x").unwrap();
    let operations = (0..100_000).map(|index| Operation::Put {
        path: format!("d/{index}").parse().unwrap(),
        content,
    });
    let request = CommitRequest {
        branch: MAIN.to_owned(),
        parent: None,
        title: String::new(),
        description: String::new(),
        author: "ann".to_owned(),
        operations: operations.collect(),
        spool,
    };
    let error = house.repos.commit(house.space, request).await.unwrap_err();
    assert!(
        matches!(&error, RepoError::TooLarge(text) if text.contains("20000 operations")),
        "{error}"
    );
}

#[tokio::test]
async fn what_a_killed_process_left_is_cleared() {
    let house = House::new().await;
    let folder = house.git_folder();
    std::fs::create_dir(folder.join("incoming")).unwrap();
    std::fs::write(folder.join("incoming/half"), b"x").unwrap();
    std::fs::write(folder.join("refs/heads/main.lock"), b"").unwrap();
    let head = house.commit(None, &[Put("a", b"1")]).await.unwrap();
    assert_eq!(house.git(&["rev-parse", "main"]).trim(), head.as_str());
    assert_eq!(
        std::fs::read_dir(folder.join("incoming")).unwrap().count(),
        0
    );

    let aside = house.folder.path().join("repos/aside");
    std::fs::create_dir(aside.join("half-removed")).unwrap();
    let again = Repos::new(house.folder.path().join("repos"), RepoLimits::default()).unwrap();
    assert_eq!(std::fs::read_dir(aside).unwrap().count(), 0);
    assert_eq!(again.ids().unwrap(), [house.space.into()]);
}

#[tokio::test]
async fn deleted_is_gone_and_may_come_anew() {
    let house = House::new().await;
    house.commit(None, &[Put("a", b"1")]).await.unwrap();
    house.create(house.space).await;
    assert!(
        house
            .repos
            .open(house.space)
            .unwrap()
            .head()
            .unwrap()
            .is_some(),
        "create emptied it"
    );
    house.repos.delete(house.space).await.unwrap();
    house.repos.delete(house.space).await.unwrap();
    assert!(matches!(
        house.repos.open(house.space),
        Err(RepoError::NoRepository)
    ));
    assert!(matches!(
        house.commit(None, &[Put("a", b"1")]).await,
        Err(RepoError::NoRepository)
    ));
    house.create(house.space).await;
    assert_eq!(house.repos.open(house.space).unwrap().head().unwrap(), None);
}
