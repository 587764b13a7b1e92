//! Bitmaps.

use steadfast::api::*;
use steadfast::{Command, Effect};

use super::{NOTHING, documented, not_sent, on_each};

const U8: BitfieldType = BitfieldType::Unsigned(8);
const I5: BitfieldType = BitfieldType::Signed(5);

#[tokio::test]
async fn bits_are_set_read_and_counted() {
    on_each(async |client| {
        assert!(!client.setbit("b", 7, true).await.unwrap());
        assert!(client.setbit("b", 7, false).await.unwrap());
        assert!(!client.getbit("b", 7).await.unwrap());
        assert!(!client.getbit("none", 7).await.unwrap());
        client.set("b", b"\xff\x00\x0f").await.unwrap();
        assert!(client.getbit("b", 0).await.unwrap());
        assert_eq!(client.bitcount("b").await.unwrap(), 12);
        assert_eq!(client.bitcount("none").await.unwrap(), 0);
        assert_eq!(client.bitcount("b").range(1, -1).await.unwrap(), 4);
        assert_eq!(client.bitcount("b").bit_range(0, 4).await.unwrap(), 5);
        assert_eq!(client.bitcount("b").bit_range(-3, -1).await.unwrap(), 3);
    })
    .await;
}

#[tokio::test]
async fn the_first_bit_of_a_value_is_found() {
    on_each(async |client| {
        client.set("b", b"\xff\x00\x0f").await.unwrap();
        assert_eq!(client.bitpos("b", true).await.unwrap(), Some(0));
        assert_eq!(client.bitpos("b", false).await.unwrap(), Some(8));
        assert_eq!(client.bitpos("b", true).start(1).await.unwrap(), Some(20));
        assert_eq!(client.bitpos("b", true).range(1, 1).await.unwrap(), None);
        assert_eq!(client.bitpos("b", true).bit_range(8, 19).await.unwrap(), None);
        assert_eq!(client.bitpos("b", true).bit_range(8, 21).await.unwrap(), Some(20));
        assert_eq!(client.bitpos("b", false).range(0, 0).await.unwrap(), None);
        client.set("ones", b"\xff").await.unwrap();
        assert_eq!(client.bitpos("ones", false).await.unwrap(), Some(8), "behind the end");
        assert_eq!(client.bitpos("none", true).await.unwrap(), None);
        assert_eq!(client.bitpos("none", false).await.unwrap(), Some(0));
    })
    .await;
}

#[tokio::test]
async fn bits_are_combined() {
    on_each(async |client| {
        client.mset([("a", &b"\x0f\xff"[..]), ("b", b"\x3c")]).await.unwrap();
        for (operation, wished) in
            [(BitOperation::And, b"\x0c\x00"), (BitOperation::Or, b"\x3f\xff"), (BitOperation::Xor, b"\x33\xff")]
        {
            assert_eq!(client.bitop(operation, "d", ["a", "b"]).await.unwrap(), 2);
            assert_eq!(client.get::<Vec<u8>>("d").await.unwrap().unwrap(), wished, "{operation:?}");
        }
        assert_eq!(client.bitop(BitOperation::Not, "d", "a").await.unwrap(), 2);
        assert_eq!(client.get::<Vec<u8>>("d").await.unwrap().unwrap(), b"\xf0\x00");
        assert_eq!(client.bitop(BitOperation::Or, "d", ["none", "none2"]).await.unwrap(), 0);
        assert_eq!(client.exists("d").await.unwrap(), 0);
        not_sent(client.bitop(BitOperation::And, "d", NOTHING)).await;
        let request = client.bitop(BitOperation::And, "d", ["a", "b"]);
        assert_eq!(request.command().keys(), [b"d", b"a", b"b"]);
        assert_eq!(request.command().slot(), Command::new("GET").key("d").slot());
    })
    .await;
}

#[tokio::test]
async fn newer_servers_combine_bits_in_more_ways() {
    for (operation, word) in [
        (BitOperation::Diff, "DIFF"),
        (BitOperation::Diff1, "DIFF1"),
        (BitOperation::AndOr, "ANDOR"),
        (BitOperation::One, "ONE"),
    ] {
        documented(&format!("BITOP {word} d a b"), ":1", async |client| {
            assert_eq!(client.bitop(operation, "d", ["a", "b"]).await.unwrap(), 1);
        })
        .await;
    }
}

#[tokio::test]
async fn fields_of_bits_are_integers() {
    on_each(async |client| {
        let request =
            client.bitfield("f").set(U8, 0, 200).incrby(I5, 100, 1).get(U8, 0).get(BitfieldType::Signed(8), 0);
        assert_eq!(request.await.unwrap(), [Some(0), Some(1), Some(200), Some(-56)]);
        let answers = client.bitfield("f").set(U8, BitfieldElement(1), 7).get(U8, 8).get(U8, "#1").await.unwrap();
        assert_eq!(answers, [Some(0), Some(7), Some(7)]);
        assert_eq!(client.bitfield_ro("f").get(U8, 0).get(U8, BitfieldElement(1)).await.unwrap(), [200, 7]);
        assert_eq!(client.bitfield_ro("none").get(U8, 0).await.unwrap(), [0]);
        assert_eq!(client.bitfield("f").await.unwrap(), []);
        assert_eq!(client.bitfield("f").get(BitfieldType::Unsigned(16), 0).await.unwrap(), [Some(200 * 256 + 7)]);
    })
    .await;
}

#[tokio::test]
async fn fields_of_bits_overflow_as_is_said() {
    on_each(async |client| {
        let wrapped = client.bitfield("f").set(U8, 0, 255).incrby(U8, 0, 1).await.unwrap();
        assert_eq!(wrapped, [Some(0), Some(0)]);
        let mixed = client
            .bitfield("f")
            .overflow(BitfieldOverflow::Sat)
            .incrby(U8, 0, 300)
            .overflow(BitfieldOverflow::Fail)
            .incrby(U8, 0, 1)
            .overflow(BitfieldOverflow::Wrap)
            .incrby(U8, 0, 2)
            .await
            .unwrap();
        assert_eq!(mixed, [Some(255), None, Some(1)]);
        // What a second run would do is what the worst of the operations does.
        assert_eq!(client.bitfield("f").get(U8, 0).command().effect(), Effect::Read);
        assert_eq!(client.bitfield("f").set(U8, 0, 1).command().effect(), Effect::LastWriteWins);
        let both = client.bitfield("f").incrby(U8, 0, 1).set(U8, 8, 1);
        assert_eq!(both.command().effect(), Effect::Accumulating);
    })
    .await;
}
