//! What the classic builder does not know, and BuildKit does.

use super::*;

#[test]
fn what_newer_builders_know_is_read() {
    let text = "# syntax=docker/dockerfile:1\nFROM --platform=$BUILDPLATFORM a\nARG TARGETARCH\nENV V=v\n\
                RUN --mount=type=cache,target=/c/$V --mount=type=secret,id=S <<EOF\necho $V\n# no comment\nEOF\n\
                RUN cat <<-E | sh\n\techo x\n\tE\nRUN <<EOF\n#!/usr/bin/python3\nprint(1)\nEOF\n\
                COPY --link x y\nCOPY --chmod=750 x z\nCOPY <<EOF <<'raw' /to/\n$V \"'\\$\nEOF\n$V\nraw\nCMD x";
    let parts = in_parts(text);
    let runs: Vec<&Run> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Run(run) => Some(run),
            Part::Piece(_) => None,
        })
        .collect();
    assert_eq!(runs[0].words[2], "echo $V\n# no comment\n");
    assert_eq!(runs[0].arguments[0].0, "TARGETARCH");
    // The environment is what the image before says, which here is nothing.
    assert_eq!(runs[0].mounts[0].target.as_deref(), Some("/c/"));
    assert_eq!(runs[1].words[2], "cat <<-E | sh\n\techo x\nE");
    assert!(runs[2].words[2].contains("#!/usr/bin/python3\nprint(1)\nEND\n"));
    let pieces: Vec<&Piece> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Piece(piece) => Some(piece),
            Part::Run(_) => None,
        })
        .collect();
    let [_, own, mode, documents] = pieces.as_slice() else {
        panic!("{pieces:#?}");
    };
    assert_eq!((own.sent.mode, mode.sent.mode), (None, Some(0o750)));
    let sent = &documents.sent.documents;
    assert_eq!(sent[0].1, " \"'$\n");
    assert_eq!(sent[1].1, "$V\n");
    assert!(sent[1].0.ends_with("/raw"));
    assert!(documents.text.contains("CMD") && documents.is_last);
}
