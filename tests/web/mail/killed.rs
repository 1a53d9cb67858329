//! Tests the program killed (SIGKILL) at each step of sending: every mail arrives, at most twice.

use crate::support::{
    smtp::{STEPS, SmtpServer},
    *,
};

/// A program with a user, whose mail goes to this server.
async fn start(stack: Stack, smtp: &SmtpServer) -> (Program, Person) {
    let program = TestApp::builder(stack).var("SMTP_URL", smtp.url()).start_program();
    let ada = Person::new("Ada Lovelace");
    ada.register(&program.client()).await;
    program.all_mails_sent().await;
    (program, ada)
}

async fn forget(program: &Program, person: &Person) {
    let _ = program.client().post("/password/forgot", &[("email", &person.email)]).await.to("/login");
    eventually(|| async { program.waiting_mails() == 1 }).await;
}

/// Starts the program again when the lease of whoever was killed is over.
async fn start_again(program: &mut Program) {
    program.stores().make_mails_due();
    program.restart();
    eventually(|| async { program.waiting_mails() == 0 }).await;
}

on_both_stacks!(mail_arrives_after_kill_before_the_server_answers, |stack| async {
    let smtp = SmtpServer::start_own();
    let (mut program, ada) = start(stack, &smtp).await;
    smtp.freeze();
    forget(&program, &ada).await;
    program.kill();
    smtp.thaw();
    assert_eq!((program.waiting_mails(), smtp.mails().len()), (1, 0));
    start_again(&mut program).await;
    assert_eq!(smtp.mails().len(), 1);
});

on_both_stacks!(mail_arrives_after_kill_at_each_step, |stack| async {
    let smtp = SmtpServer::start_own();
    let (mut program, _) = start(stack, &smtp).await;
    for step in STEPS {
        // One mailbox gets few links.
        let person = Person::new(step);
        person.register(&program.client()).await;
        program.all_mails_sent().await;
        let before = smtp.mails().len();
        smtp.set_mode(&format!("hold {step}"));
        forget(&program, &person).await;
        smtp.holds(step).await;
        program.kill();
        smtp.set_mode("accept");
        start_again(&mut program).await;
        let mails = smtp.mails().split_off(before);
        let ids: Vec<&str> = mails.iter().map(|mail| mail.header("Message-ID")).collect();
        let copies = match step {
            // The server had all of it, and its answer was not heard.
            "accepted" | "quit" => 2..=2,
            "text" => 1..=2,
            _ => 1..=1,
        };
        assert!(copies.contains(&ids.len()), "{step}: sent {} times", ids.len());
        assert!(ids.iter().all(|id| *id == ids[0]), "{step}: as the same mail, which mailboxes show once");
    }
});

on_both_stacks!(mail_is_sent_to_its_end_when_the_program_is_asked_to_stop, |stack| async {
    let smtp = SmtpServer::start_own();
    let (mut program, ada) = start(stack, &smtp).await;
    smtp.set_mode("hold accepted");
    forget(&program, &ada).await;
    smtp.wait_for(1).await;
    let stopping = tokio::task::spawn_blocking(move || {
        let status = program.terminate();
        (program, status)
    });
    smtp.set_mode("accept");
    let (program, status) = stopping.await.unwrap();
    assert!(status.success(), "{status}");
    assert_eq!((program.waiting_mails(), smtp.mails().len()), (0, 1));
});
