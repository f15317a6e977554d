//! Wanting too much: time, memory, stack, handles.

use crate::reply::Reply;
use crate::request::Request;
use std::hint::black_box;
use std::time::{Duration, Instant};
use wasip2::clocks::monotonic_clock;
use wasip2::http::types::{Fields, ResponseOutparam};

const MEBIBYTE: usize = 1 << 20;

pub fn spin() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

pub fn trap() -> ! {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    unreachable!()
}

pub fn busy(milliseconds: u64) {
    let end = Instant::now() + Duration::from_millis(milliseconds);
    while Instant::now() < end {
        for turn in 0..10_000_u64 {
            black_box(turn);
        }
    }
}

pub fn sleep(milliseconds: u64) {
    monotonic_clock::subscribe_duration(milliseconds.saturating_mul(1_000_000)).block();
}

/// Takes memory a mebibyte at a time and touches every page, until there is no more to be had;
/// says at which one that was.
fn take(mebibytes: u64) -> (Vec<Vec<u8>>, Option<u64>) {
    let mut taken = Vec::new();
    for number in 1..=mebibytes {
        let mut piece = Vec::new();
        if taken.try_reserve(1).is_err() || piece.try_reserve_exact(MEBIBYTE).is_err() {
            // Room to say so.
            taken.pop();
            return (taken, Some(number));
        }
        piece.resize(MEBIBYTE, 1_u8);
        taken.push(black_box(piece));
    }
    (taken, None)
}

pub fn grow(request: Request, out: ResponseOutparam) {
    let (taken, refused) = take(request.number("mib", 1));
    let answer = refused.map_or("ok\n".to_owned(), |number| format!("refused at {number}\n"));
    Reply::text(out, 200, &answer);
    drop(black_box(taken));
}

pub fn hold(request: Request, out: ResponseOutparam) {
    let (taken, _) = take(request.number("mib", 1));
    sleep(request.number("ms", 100));
    Reply::text(out, 200, &format!("held {} MiB\n", taken.len()));
    drop(black_box(taken));
}

/// The work after the inner call keeps this from becoming a loop.
#[allow(unconditional_recursion)]
pub fn recurse(depth: u64) -> u64 {
    let deeper = recurse(black_box(depth) + 1);
    black_box(deeper) + depth
}

pub fn many_resources(out: ResponseOutparam) {
    let mut count = 0_u64;
    while count < u64::from(u32::MAX) {
        std::mem::forget(Fields::new());
        count += 1;
    }
    Reply::text(out, 200, &format!("made {count}\n"));
}
