//! Claims about deployments of several nodes.

use super::*;
use crate::connection::Identity;
use crate::outcome::Address;

fn at(hosts: &[(&str, u16)]) -> Vec<Address> {
    hosts.iter().map(|(host, port)| Address::tcp(*host, *port)).collect()
}

fn sentinel(sentinels: &[(&str, u16)], service: &str) -> Deployment {
    Deployment::Sentinel { sentinels: at(sentinels), service: service.to_owned() }
}

#[test]
fn hosts_stand_between_commas() {
    for (url, deployment) in [
        ("redis://a", Deployment::Standalone(Address::tcp("a", 6379))),
        ("redis://a,b:1", Deployment::Replicas(at(&[("a", 6379), ("b", 1)]))),
        ("valkeys://u:p@a:1,[::1],[fe80::1%25eth0]:2,%62/3?deadline=1s", {
            Deployment::Replicas(at(&[("a", 1), ("::1", 6379), ("fe80::1%eth0", 2), ("b", 6379)]))
        }),
        ("redis+cluster://a", Deployment::Cluster(at(&[("a", 6379)]))),
        ("REDIS+Cluster://a:7000,b/", Deployment::Cluster(at(&[("a", 7000), ("b", 6379)]))),
        ("redis+sentinel://a/svc", sentinel(&[("a", 26379)], "svc")),
        ("valkey+sentinel://a,b:5,[::1]/my.svc-2_%C3%A9/", {
            sentinel(&[("a", 26379), ("b", 5), ("::1", 26379)], "my.svc-2_é")
        }),
        ("redis+sentinel://a/s%2Fvc/7", sentinel(&[("a", 26379)], "s/vc")),
    ] {
        if cfg!(not(feature = "tls")) && url.starts_with("valkeys") {
            continue;
        }
        let config = parsed(url);
        assert_eq!(config.deployment(), &deployment, "{url}");
        assert_eq!(config.addresses(), deployment.addresses());
        assert_eq!(config.address(), &deployment.addresses()[0]);
    }
}

#[test]
fn every_server_scheme_has_a_cluster_and_a_sentinel_form() {
    for (server, is_tls) in [("redis", false), ("valkey", false), ("rediss", true), ("valkeys", true)] {
        if is_tls && cfg!(not(feature = "tls")) {
            assert_eq!(refused(&format!("{server}+cluster://a")).kind(), TlsNotBuiltIn);
            continue;
        }
        let cluster = parsed(&format!("{server}+cluster://a,b/1"));
        let sentinel = parsed(&format!("{server}+sentinel://a,b/svc/1"));
        assert!(matches!(cluster.deployment(), Deployment::Cluster(_)) && cluster.tls().is_some() == is_tls);
        assert!(sentinel.service() == Some("svc") && sentinel.tls().is_some() == is_tls);
        assert_eq!((cluster.database(), sentinel.database()), (1, 1));
    }
}

#[test]
fn what_is_built_is_what_a_url_says() {
    let nodes = || [("a", 1), ("::1", 2)];
    for (built, url) in [
        (Config::with_replicas(nodes()), "redis://a:1,[::1]:2/0"),
        (Config::with_replicas([("a", 1)]), "redis://a:1/0"),
        (Config::cluster(nodes()), "redis+cluster://a:1,[::1]:2/0"),
        (Config::cluster([Address::tcp("a", 1)]).with_database(2), "redis+cluster://a:1/2"),
        (Config::sentinel(nodes(), "svc"), "redis+sentinel://a:1,[::1]:2/svc/0"),
        (Config::sentinel([("a".to_owned(), 1)], "s/é"), "redis+sentinel://a:1/s%2F%C3%A9/0"),
    ] {
        assert_eq!(built.to_string(), url);
        assert_eq!(format!("{:?}", parsed(url)), format!("{built:?}"));
    }
}

#[test]
fn options_of_several_nodes_set_what_the_builder_sets() {
    let url = "redis+sentinel://a/svc?read_from=zone:eu-1&refresh_interval=250ms&refresh_every=none&sentinel_user=watch\
               &sentinel_password=p%26w&sentinel_tls=off";
    let built = Config::sentinel([("a", 26379)], "svc")
        .with_read_from(ReadFrom::Zone("eu-1".into()))
        .with_refresh_interval(Duration::from_millis(250))
        .without_refresh_every()
        .with_sentinel_credentials("watch", "p&w")
        .without_sentinel_tls();
    let config = parsed(url);
    assert_eq!(format!("{config:?}"), format!("{built:?}"));
    let Identity::Known(credentials) = config.sentinel_identity() else { panic!("no credentials") };
    assert_eq!((credentials.username(), credentials.secret().expose()), (Some("watch"), &b"p&w"[..]));
    assert!(parsed("redis+cluster://a?split_writes=on&refresh_every=1m").split_writes());
    for (text, read_from) in [
        ("primary", ReadFrom::Primary),
        ("prefer_replica", ReadFrom::PreferReplica),
        ("replica", ReadFrom::Replica),
        ("lowest_latency", ReadFrom::LowestLatency),
    ] {
        assert_eq!(parsed(&format!("redis://a,b?read_from={text}")).read_from(), &read_from);
    }
}

#[test]
fn what_is_shown_of_several_nodes_reads_back_to_the_same() {
    for url in [
        "redis://a:1,b:2/0?read_from=zone:x%20y&refresh_interval=2s",
        "redis+cluster://a:1/0?read_from=replica&split_writes=on&refresh_every=none",
        "redis+sentinel://a:1,[::1]:2/svc/3?deadline=none&sentinel_user=u%26&sentinel_password=***&sentinel_tls=off",
    ] {
        assert_eq!(parsed(url).to_string(), url);
    }
    let without_effect = Config::tcp("a", 1).with_read_from(ReadFrom::Replica).with_sentinel_password("p");
    assert_eq!(without_effect.to_string(), "redis://a:1/0");
}

#[test]
fn sentinels_get_no_credentials_but_their_own() {
    let config = parsed("redis+sentinel://user:password@a/svc");
    assert_eq!(config.username(), Some("user"));
    assert!(matches!(config.sentinel_identity(), Identity::Anonymous));
    let Identity::Known(own) = config.with_sentinel_password("other").sentinel_identity() else { panic!("anonymous") };
    assert_eq!((own.username(), own.secret().expose()), (None, &b"other"[..]));
}

#[cfg(feature = "tls")]
#[test]
fn sentinels_speak_tls_as_the_servers_do_unless_told_otherwise() {
    use crate::TlsOptions;

    let name = |config: &Config| {
        config.sentinel_dial_options().tls.map(|tls| tls.fixed_server_name().unwrap_or_default().to_owned())
    };
    assert_eq!(name(&parsed("redis+sentinel://a/svc")), None);
    let inherited = parsed("rediss+sentinel://a/svc?tls_server_name=x&sentinel_tls=inherit");
    assert_eq!(name(&inherited).as_deref(), Some("x"));
    assert_eq!(name(&inherited.clone().without_sentinel_tls()), None);
    let own = inherited.with_sentinel_tls(TlsOptions::new().with_server_name("y"));
    assert_eq!(name(&own).as_deref(), Some("y"));
    assert_eq!(own.dial_options().tls.unwrap().fixed_server_name(), Some("x"));
}

#[test]
fn each_mistake_around_several_nodes_has_a_kind_and_a_place() {
    let value = |option| BadValue { option };
    let plain = |option| DoesNotApply { option };
    for (url, kind, text) in [
        ("redis+sentinels://a/svc", UnknownScheme, "redis+sentinels"),
        ("redis-cluster://a", UnknownScheme, "redis-cluster"),
        ("redis+://a", UnknownScheme, "redis+"),
        ("redis+cluster://", EmptyHost, ""),
        ("redis://a,,b", EmptyHost, ""),
        ("redis://,a", EmptyHost, ""),
        ("redis+cluster://a,b,", EmptyHost, ""),
        ("redis+cluster://a,:1", EmptyHost, ""),
        ("redis+cluster://a, b", BadHost, " b"),
        ("redis+cluster://a%2Cb", BadHost, "a%2Cb"),
        ("redis+cluster://a,::1,b", BadHost, "::1"),
        ("redis+cluster://a,[::1]x,b", BadHost, "[::1]x"),
        ("redis+cluster://a,b:0,c", BadPort, "0"),
        ("redis+cluster://a,b:70000/1", BadPort, "70000"),
        ("redis+cluster://a,b:,c", BadPort, ""),
        ("redis+cluster://a/b", BadDatabase, "b"),
        ("redis://u:p@a,v:q@b", MisplacedAt, "***"),
        ("redis+sentinel://a", BadService, ""),
        ("redis+sentinel://a/", BadService, ""),
        ("redis+sentinel://a//1", BadService, ""),
        ("redis+sentinel://a?db=1", BadService, ""),
        ("redis+sentinel://a/my%20svc/1", BadService, "my%20svc"),
        ("redis+sentinel://a/svc/x", BadDatabase, "x"),
        ("redis+sentinel://a/svc/1/2", BadDatabase, "1/2"),
        ("redis+sentinel://a/svc/1?db=2", DuplicateOption { option: "db" }, "db=2"),
        ("redis+sentinel://a/svc?sentinel_user=u", value("sentinel_user"), "***"),
        ("redis+sentinel://a/svc?sentinel_user=&sentinel_password=p", value("sentinel_user"), ""),
        ("redis+sentinel://a/svc?sentinel_password=", value("sentinel_password"), ""),
        ("redis+sentinel://a/svc?sentinel_tls=on", value("sentinel_tls"), "on"),
        ("redis+cluster://a?read_from=nearest", value("read_from"), "nearest"),
        ("redis+cluster://a?read_from=zone:", value("read_from"), "zone:"),
        ("redis+cluster://a?split_writes=yes", value("split_writes"), "yes"),
        ("redis+cluster://a?refresh_interval=none", value("refresh_interval"), "none"),
        ("redis+cluster://a?refresh_interval=0s", value("refresh_interval"), "0s"),
        ("redis+cluster://a?refresh_every=0s", value("refresh_every"), "0s"),
        ("redis://a?read_from=replica", plain("read_from"), "read_from"),
        ("unix:///s?refresh_every=1s", plain("refresh_every"), "refresh_every"),
        ("redis://a,b?split_writes=on", plain("split_writes"), "split_writes"),
        ("redis+cluster://a?sentinel_tls=off", plain("sentinel_tls"), "sentinel_tls"),
        ("redis://a?sentinel_password=p", plain("sentinel_password"), "sentinel_password"),
        ("redis+cluster://a?split_write=on", UnknownOption { did_you_mean: Some("split_writes") }, "split_write"),
    ] {
        let error = refused(url);
        assert_eq!((error.kind(), error.text()), (kind, Some(text)), "{url}: {error}");
    }
}

#[test]
fn several_nodes_that_are_built_are_held_to_the_same_rules() {
    let nobody = || Vec::<Address>::new();
    for (config, kind) in [
        (Config::with_replicas(nobody()), EmptyHost),
        (Config::cluster(nobody()), EmptyHost),
        (Config::sentinel(nobody(), "svc"), EmptyHost),
        (Config::cluster([("a", 1), ("", 2)]), EmptyHost),
        (Config::cluster([("a", 1), ("b", 0)]), BadPort),
        (Config::cluster([Address::Unix("/s".into())]), BadHost),
        (Config::with_replicas([Address::Unix("/s".into()), Address::tcp("a", 1)]), BadHost),
        (Config::sentinel([("a", 1)], ""), BadService),
        (Config::sentinel([("a", 1)], "a b"), BadService),
        (Config::sentinel([("a", 1)], "a\n"), BadService),
        (Config::cluster([("a", 1)]).with_read_from(ReadFrom::Zone("".into())), BadValue { option: "read_from" }),
        (Config::cluster([("a", 1)]).with_refresh_every(Duration::MAX), BadValue { option: "refresh_every" }),
    ] {
        assert_eq!(config.validate().unwrap_err().kind(), kind, "{config:?}");
        // Who shows it before it is checked gets a text too.
        let _ = (config.to_string(), config.address());
    }
    assert!(Config::with_replicas([Address::Unix("/s".into())]).validate().is_ok());
}

#[test]
fn the_functions_of_the_user_are_called() {
    let config = Config::cluster([("a", 1)])
        .with_address_map(|announced| match announced {
            Address::Tcp { port, .. } => Address::tcp("mapped", *port),
            other => other.clone(),
        })
        .with_server_names(|_, announced| announced.map(|name| format!("{name}.example.com")));
    let announced = Address::tcp("10.0.0.1", 7);
    assert_eq!(config.address_map().unwrap().apply(&announced), Address::tcp("mapped", 7));
    let names = config.server_names().unwrap();
    assert_eq!(names.name(&announced, Some("n1")).as_deref(), Some("n1.example.com"));
    assert_eq!(names.name(&announced, None), None);
}
