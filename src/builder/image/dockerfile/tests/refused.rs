//! What is no Dockerfile, or none that can be built here.

use super::*;

#[test]
fn what_cannot_be_followed_is_refused() {
    for (text, line) in [
        ("FROM $NONE", 1),
        ("FROM a\nFROM --platform=linux/arm64 b", 2),
        ("FROM --platform=$X b", 1),
        ("FROM a b", 1),
        ("FROM a\"b", 1),
        ("FROM a\nRUN true\nARG I=b\nCOPY --from=$I / /", 4),
        ("FROM a AS x\nCOPY --from=X / /", 2),
        ("FROM a\nCOPY --from=0 / /", 2),
        ("FROM a\nFROM b\nCOPY --from=+1 / /", 3),
        ("FROM a\nFROM b\nCOPY --from=-1 / /", 3),
        ("FROM a AS x\nFROM b AS X", 2),
        ("FROM a AS 0", 1),
        ("FROM a AS sha256:00", 1),
        ("FROM a\n\\\n", 2),
        ("# escape=`\nFROM a\nCOPY --fr`om=b / /", 3),
        ("FROM 0123456789ab", 1),
        ("FROM sha256:0123456789ab", 1),
        ("# escape=x\nFROM a", 1),
        ("# escape=`\n#ESCAPE = `\nFROM a", 2),
        ("FROM a\nONBUILD COPY --from=b / /", 2),
        ("FROM a\nonbuild\\\n RUN true", 2),
        ("FROM a\nRUN <<EOF\nADD x\n EOF", 2),
        ("FROM a\nRUN cat << EOF\nADD x\nEOF", 3),
        ("FROM a\nCOPY <<-'EOF' x\n EOF", 2),
        ("FROM a\nCOPY --from=b <<EOF x\nEOF", 2),
        ("FROM a\nCOPY x <<EOF\nEOF", 2),
        ("FROM a\nCOPY <<E <<E /\nE\nE", 2),
        ("FROM a\nRUN --mount=type=bind,from=b,target=/x true", 2),
        ("FROM a\nRUN --mount=type=bind true", 2),
        ("FROM a\nRUN --mount=type=bind,target=/x,rw true", 2),
        ("FROM a\nRUN --mount=type=cache,target=/proc/x true", 2),
        ("FROM a\nRUN --mount=type=tmpfs,target=/,size=1m true", 2),
        ("FROM a\nRUN --mount=type=secret,id=../x true", 2),
        ("FROM a\nRUN --mount=type=secret,id=X,env=X true", 2),
        ("FROM a\nRUN --mount=type=ssh true", 2),
        ("FROM a\nRUN --mount=type=cache,target=/x,mode=9 true", 2),
        ("FROM a\nRUN --network=host true", 2),
        (
            "FROM a\nRUN \"--security=insecure\" true\nRUN --secu\\rity=insecure true",
            3,
        ),
        ("FROM a\nCOPY --chmod=u+x a b", 2),
        ("FROM a\nCOPY --from=b --chmod=755 a b", 2),
        ("FROM a\nCOPY --exclude=x a b", 2),
        ("FROM a\nCOPY --chown='0:a b' a b", 2),
        ("FROM a\nCOPY --from=b --from=c a b", 2),
        ("FROM a\nCOPY --from=b\u{a0}a b c", 2),
        ("FROM a\nADD --from=b a b", 2),
        ("FROM a\nADD --checksum=sha256:00 https://host/x /", 2),
        ("FROM a\nCOPY -- --from=b a b", 2),
        ("FROM a\nLABEL glasshouse.data=x", 2),
        ("FROM a\nLABEL glasshouse.cache=x", 2),
        ("FROM a\nLABEL \"glasshouse.\"data=x", 2),
        ("FROM a\nARG X=glasshouse\nLABEL $X.data=x", 3),
        ("FROM a\nEXPOSE \"80 81\"", 2),
        ("FROM a\nHEALTHCHECK --interval=\"1s --x\" CMD true", 2),
        ("FROM a\nRUN true\rCOPY --from=b / /", 2),
        ("FROM a\nRUN a\u{0}b", 2),
        ("FROM a\nRUN \u{feff}true", 2),
        ("FROM a\nCMD [1]", 2),
        ("FROM a\nRUN []", 2),
        ("FROM a\nENV A", 2),
        ("FROM a\nENV =b", 2),
        ("FROM a\nENV A=b c", 2),
        ("FROM a\nSHELL /bin/bash", 2),
        ("FROM a\nFLY away", 2),
        ("RUN true\nFROM a", 1),
        ("", 1),
    ] {
        assert_eq!(refused(text).line, line, "{text}");
    }
    assert!(
        read(
            "FROM a\nRUN cat <<<word && echo $((1<<20)) $((1 << x))",
            &[]
        )
        .is_ok()
    );
}
