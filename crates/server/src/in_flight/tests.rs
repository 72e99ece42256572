//! Which holder gives way to which, and what is held meanwhile.

use super::*;
use std::task::Waker;

const KIB: usize = 1 << 10;

fn account() -> Account {
    Account::new("input_bytes_max", 100 * KIB)
}

fn held(account: &Account) -> usize {
    account.holders().held
}

fn has_notice(held: &Held) -> bool {
    held.poll_notice(&Context::from_waker(Waker::noop())).is_ready()
}

#[test]
fn the_greediest_gives_way_to_one_who_needs_less() {
    let account = account();
    let mut greedy: Vec<Held> = (0..4).map(|_| account.open()).collect();
    greedy.iter_mut().for_each(|one| one.hold(25 * KIB).unwrap());
    let mut modest = account.open();
    modest.hold(10 * KIB).unwrap();
    assert_eq!(greedy.iter().map(has_notice).collect::<Vec<_>>(), [false, false, false, true]);
    assert!(!has_notice(&modest));
    assert_eq!(held(&account), 85 * KIB);
    let full = account.greediest();
    assert_eq!(greedy[3].hold(25 * KIB), Err(full), "it was asked to give way");
    drop(greedy.pop());
    assert_eq!(held(&account), 85 * KIB, "what gave way is taken off once");
    drop(greedy);
    assert_eq!(held(&account), 10 * KIB);
}

#[test]
fn who_would_hold_the_most_is_refused_and_keeps_what_it_has() {
    let account = account();
    let mut all: Vec<Held> = (0..10).map(|_| account.open()).collect();
    all.iter_mut().for_each(|one| one.hold(10 * KIB).unwrap());
    assert_eq!(all[0].hold(11 * KIB), Err(account.greediest()));
    assert_eq!(account.open().hold(10 * KIB), Err(account.greediest()), "nobody holds more");
    assert_eq!((held(&account), all.iter().any(has_notice)), (100 * KIB, false));
    all[0].hold(5 * KIB).unwrap();
    all[1].hold(15 * KIB).unwrap();
    assert_eq!(held(&account), 100 * KIB);
}

#[test]
fn one_alone_may_hold_a_quarter() {
    let account = account();
    let mut one = account.open();
    one.hold(25 * KIB).unwrap();
    let share = Full::Share { setting: "input_bytes_max", share: 25 * KIB, bytes: 26 * KIB };
    assert_eq!(one.hold(26 * KIB), Err(share));
    assert_eq!(held(&account), 25 * KIB);
}

#[test]
fn what_is_small_is_taken_whatever_others_hold() {
    let account = account();
    let mut greedy: Vec<Held> = (0..4).map(|_| account.open()).collect();
    greedy.iter_mut().for_each(|one| one.hold(25 * KIB).unwrap());
    let mut small = account.open();
    small.hold(SMALL_BYTES).unwrap();
    assert!(small.is_nothing() && !greedy.iter().any(has_notice));
    greedy[0].hold(0).unwrap();
    assert_eq!(held(&account), 75 * KIB);
}

#[test]
fn an_answer_is_begun_if_somebody_could_give_way() {
    let account = account();
    assert_eq!(account.check(100 * KIB), Ok(()));
    let mut all: Vec<Held> = (0..10).map(|_| account.open()).collect();
    all.iter_mut().for_each(|one| one.hold(10 * KIB).unwrap());
    assert_eq!(account.check(9 * KIB), Ok(()));
    assert_eq!(account.check(10 * KIB), Err(account.greediest()));
}

#[test]
fn all_together_never_pass_the_bound() {
    let account = account();
    let mut random = fastrand::Rng::with_seed(7);
    let mut all: Vec<Held> = (0..200).map(|_| account.open()).collect();
    for _ in 0..20_000 {
        let at = random.usize(..all.len());
        if all[at].hold(random.usize(..30 * KIB)).is_err() {
            all[at] = account.open();
        }
        assert!(held(&account) <= 100 * KIB);
    }
    drop(all);
    assert_eq!((held(&account), account.holders().holders.len()), (0, 0));
}

#[test]
fn who_has_to_give_way_is_woken() {
    struct WakeFlag(AtomicBool);
    impl std::task::Wake for WakeFlag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    let (account, woken) = (account(), Arc::new(WakeFlag(AtomicBool::new(false))));
    let mut greedy: Vec<Held> = (0..4).map(|_| account.open()).collect();
    greedy.iter_mut().for_each(|one| one.hold(25 * KIB).unwrap());
    let waker = Arc::clone(&woken).into();
    assert!(greedy[3].poll_notice(&Context::from_waker(&waker)).is_pending());
    account.open().hold(5 * KIB).unwrap();
    assert!(woken.0.load(Ordering::SeqCst));
}

#[test]
#[should_panic(expected = "bytes of all holders")]
fn an_account_that_counts_wrongly_is_noticed() {
    let account = InFlight::new(64 << 20, 64 << 20).input;
    let mut held = account.open();
    held.hold(10_000).unwrap();
    account.holders().held += 1;
    held.let_go();
}
