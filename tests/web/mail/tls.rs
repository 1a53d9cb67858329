//! Tests TLS to the mail server, and signing in at it.

use crate::support::{
    smtp::{ServerTls, SmtpServer},
    *,
};

/// A program whose mail goes to this address, and which trusts that authority of certificates.
async fn program(smtp: &SmtpServer, url: String, authority: &SmtpServer) -> Program {
    let builder = TestApp::builder(Stack::Sqlite).var("SMTP_URL", url);
    let program = builder.var("SSL_CERT_FILE", authority.authority().display()).start_program();
    let ada = Person::new("Ada Lovelace");
    ada.register(&program.client()).await;
    assert_eq!(smtp.mails().len(), 0);
    let _ = program.client().post("/password/forgot", &[("email", &ada.email)]).await.to("/login");
    program
}

/// Asserts that the mail waits, because of this.
async fn assert_waits(program: &Program, smtp: &SmtpServer, part: &str) {
    let errors =
        eventually(|| async { Some(program.mail_errors()).filter(|errors| !errors.is_empty()) }).await;
    assert!(errors[0].contains(part), "{errors:?}");
    assert_eq!((smtp.mails().len(), program.waiting_mails()), (0, 1));
}

#[actix_web::test]
async fn mail_goes_over_tls_with_a_right_certificate_and_password() {
    for tls in [ServerTls::Implicit, ServerTls::Offered] {
        let smtp = SmtpServer::start(tls);
        let program = program(&smtp, smtp.url_for("ada:p%40ss%2Fw"), &smtp).await;
        let mail = smtp.wait_for(1).await.pop().unwrap();
        assert_eq!(mail.user.as_deref(), Some("ada"), "{tls:?}");
        assert!(!program.output().contains("p@ss/w"));
    }
}

#[actix_web::test]
async fn mail_waits_when_the_certificate_is_wrong() {
    let (smtp, other) = (SmtpServer::start(ServerTls::Implicit), SmtpServer::start(ServerTls::Implicit));
    let unknown = program(&smtp, smtp.url_for("ada:p%40ss%2Fw"), &other).await;
    assert_waits(&unknown, &smtp, "certificate").await;
    let wrong_name = program(&smtp, smtp.url().replace("127.0.0.1", "localhost"), &smtp).await;
    assert_waits(&wrong_name, &smtp, "certificate").await;
}

#[actix_web::test]
async fn mail_waits_when_the_server_speaks_no_tls_or_refuses_the_password() {
    let plain = SmtpServer::start_own();
    let program_without = program(&plain, plain.url().replace("smtp:", "smtps:"), &plain).await;
    assert_waits(&program_without, &plain, "").await;
    let smtp = SmtpServer::start(ServerTls::Offered);
    let refused = program(&smtp, smtp.url_for("ada:hunter2-secret"), &smtp).await;
    assert_waits(&refused, &smtp, "535").await;
    assert!(!refused.output().contains("hunter2") && !refused.mail_texts().contains("hunter2-secret"));
}
