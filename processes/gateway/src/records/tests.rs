//! Promises of the record link.

use proto::event::{RequestDenied, RequestEnded};
use proto::{KeyedDigest, RequestId};

use super::*;

fn denied() -> Event {
    Event::RequestDenied(RequestDenied {
        principal: None,
        route: "other".to_owned(),
        code: Code::InvalidApiKey,
    })
}

fn ended(request: u64, failed: Option<Code>) -> Event {
    Event::RequestEnded(RequestEnded {
        request: RequestId(request),
        failed,
        finish: String::new(),
        output: KeyedDigest([0; 32]),
        output_bytes: 0,
        prompt_tokens: 0,
        output_tokens: 0,
        first_token_us: None,
        wall_us: 0,
    })
}

fn resolved(ticket: &mut Ticket) -> Option<Result<(), Lost>> {
    let mut cx = Context::from_waker(std::task::Waker::noop());
    match Pin::new(ticket).poll(&mut cx) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

#[test]
fn a_commitment_covers_everything_before_it() {
    let records = Records::default();
    let (number, _frames) = records.start();
    let mut tickets: Vec<_> = (0..3).map(|_| records.append(denied()).unwrap()).collect();
    assert!(records.receive(number, &FromAuditor::Committed { seq: 1, index: 1 }));
    let found: Vec<_> = tickets.iter_mut().map(resolved).collect();
    assert_eq!(found, [Some(Ok(())), Some(Ok(())), None]);
    assert_eq!(records.pending(), 1);
}

#[test]
fn a_refusal_is_for_one_record_in_its_turn() {
    let records = Records::default();
    let (number, _frames) = records.start();
    let mut tickets: Vec<_> = (0..3).map(|_| records.append(denied()).unwrap()).collect();
    assert!(!records.receive(number, &FromAuditor::Refused { seq: 1, why: String::new() }), "0 comes first");
    assert!(records.receive(number, &FromAuditor::Refused { seq: 0, why: String::new() }));
    assert!(records.receive(number, &FromAuditor::Committed { seq: 2, index: 1 }));
    let found: Vec<_> = tickets.iter_mut().map(resolved).collect();
    assert_eq!(found, [Some(Err(Lost)), Some(Ok(())), Some(Ok(()))]);
    assert!(!records.receive(number, &FromAuditor::Committed { seq: 3, index: 9 }), "3 was never sent");
}

#[test]
fn refusals_leave_half_of_the_room_to_requests() {
    let records = Records::default();
    let (_number, _frames) = records.start();
    let mut sent = Vec::new();
    while let Ok(ticket) = records.append(denied()) {
        sent.push(ticket);
        assert!(sent.len() < IN_FLIGHT_MAX);
    }
    assert_eq!(sent.len(), IN_FLIGHT_MAX / 2);
    assert!(records.append(ended(1, None)).is_ok());
    while let Ok(ticket) = records.append(ended(1, None)) {
        sent.push(ticket);
        assert!(sent.len() < IN_FLIGHT_MAX);
    }
    assert_eq!(records.pending(), IN_FLIGHT_MAX);
}

#[tokio::test]
async fn ends_that_were_not_committed_come_first_on_the_next_link() {
    let records = Records::default();
    let (number, _frames) = records.start();
    let mut committed = records.append(ended(1, None)).unwrap();
    let mut lost = records.append(ended(2, None)).unwrap();
    let _denied = records.append(denied()).unwrap();
    assert!(records.receive(number, &FromAuditor::Committed { seq: 0, index: 0 }));
    assert!(records.lose(number));
    assert!(!records.lose(number), "it is lost once");
    assert_eq!((resolved(&mut committed), resolved(&mut lost)), (Some(Ok(())), Some(Err(Lost))));
    assert_eq!(records.append(ended(3, Some(Code::ClientGone))).unwrap_err(), Lost);
    assert!(!records.up());
    let (_next, mut frames) = records.start();
    for expected in [ended(2, Some(Code::LedgerUnavailable)), ended(3, Some(Code::ClientGone))] {
        let frame = frames.recv().await.unwrap();
        let FromProducer::Append { event, .. } = frame::decode(&frame[4..]).unwrap();
        assert_eq!(event, expected);
    }
    assert!(
        !records.receive(number, &FromAuditor::Committed { seq: 0, index: 0 }),
        "the old link says nothing more"
    );
}

#[test]
fn what_is_owed_is_bounded() {
    let records = Records::default();
    for request in 0..IN_FLIGHT_MAX as u64 {
        records.append(ended(request, None)).unwrap_err();
    }
    let (_number, _frames) = records.start();
    assert_eq!(records.pending(), IN_FLIGHT_MAX / 2);
}
