//! The texts of the error pages, by status.

use actix_web::http::StatusCode;

/// The texts of the page of one status.
pub struct ErrorTexts {
    /// The heading.
    pub title: &'static str,
    /// What happened; an error's [`Detail`](crate::error::Detail) replaces it.
    pub message: &'static str,
    /// What the user can do.
    pub advice: &'static str,
}

impl ErrorTexts {
    /// The texts of a status.
    pub fn of(status: StatusCode) -> &'static Self {
        match TEXTS.iter().find(|(listed, _)| *listed == status) {
            Some((_, texts)) => texts,
            None if status.is_client_error() => &OTHER_CLIENT_ERROR,
            None => &SERVER_ERROR,
        }
    }
}

/// The texts of the statuses that have their own.
static TEXTS: [(StatusCode, ErrorTexts); 15] = [
    (
        StatusCode::BAD_REQUEST,
        ErrorTexts {
            title: "That request is malformed",
            message: "The server could not read what was sent.",
            advice: "Go back, reload the page and try again.",
        },
    ),
    (
        StatusCode::UNAUTHORIZED,
        ErrorTexts {
            title: "Sign in first",
            message: "This needs you to be signed in.",
            advice: "Sign in and try again.",
        },
    ),
    (
        StatusCode::FORBIDDEN,
        ErrorTexts {
            title: "Not allowed",
            message: "Your account may not do this.",
            advice: "Ask an administrator if you think you should.",
        },
    ),
    (
        StatusCode::NOT_FOUND,
        ErrorTexts {
            title: "Nothing here",
            message: "There is no page at this address.",
            advice: "Check the address, or start from the front page.",
        },
    ),
    (
        StatusCode::METHOD_NOT_ALLOWED,
        ErrorTexts {
            title: "That is not possible here",
            message: "This address does not take that kind of request.",
            advice: "Go back and use the page's own buttons.",
        },
    ),
    (
        StatusCode::REQUEST_TIMEOUT,
        ErrorTexts {
            title: "That took too long",
            message: "The request did not arrive in time.",
            advice: "Try again.",
        },
    ),
    (
        StatusCode::CONFLICT,
        ErrorTexts {
            title: "That page is out of date",
            message: "The page was opened in another session, so nothing was changed.",
            advice: "Open the page again to go on.",
        },
    ),
    (
        StatusCode::PAYLOAD_TOO_LARGE,
        ErrorTexts {
            title: "Too large",
            message: "More was sent than this page takes (64 KiB).",
            advice: "Shorten what you typed and send it again.",
        },
    ),
    (
        StatusCode::URI_TOO_LONG,
        ErrorTexts {
            title: "Address too long",
            message: "The address that was asked for is longer than this site takes (64 KiB).",
            advice: "Check the address, or start from the front page.",
        },
    ),
    (
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorTexts {
            title: "Not a form",
            message: "This page takes forms (application/x-www-form-urlencoded) only.",
            advice: "Use the form on the page.",
        },
    ),
    (
        StatusCode::MISDIRECTED_REQUEST,
        ErrorTexts {
            title: "This site has another address",
            message: "The address that was asked for leads here, but it is not one of this site.",
            advice: "Open the site at its own address. If you run it, BASE_URL and ALLOWED_HOSTS name its hosts, and a proxy \
                     in front has to pass the Host header on.",
        },
    ),
    (
        StatusCode::UNPROCESSABLE_ENTITY,
        ErrorTexts {
            title: "Something is missing",
            message: "What was sent could not be used.",
            advice: "Go back, check the fields and send them again.",
        },
    ),
    (
        StatusCode::TOO_MANY_REQUESTS,
        ErrorTexts {
            title: "Too many tries",
            message: "There were too many tries in a short time.",
            advice: "Wait a little, then try again.",
        },
    ),
    (
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        ErrorTexts {
            title: "Too many cookies",
            message: "Your browser sent more along with the request than this site takes (32 KiB). Mostly these are cookies.",
            advice: "Delete the cookies of this site in your browser's settings, then load the page again. You will have to \
                     sign in again.",
        },
    ),
    (
        StatusCode::SERVICE_UNAVAILABLE,
        ErrorTexts {
            title: "Just a moment",
            message: "A part of this site can't be reached right now. If you were signed in, you still are.",
            advice: "Try again in a few seconds. If you sent a form, look first whether it was carried out all the same.",
        },
    ),
];

/// The texts of all other client errors.
static OTHER_CLIENT_ERROR: ErrorTexts = ErrorTexts {
    title: "That request can't be answered",
    message: "The server could not use what was sent.",
    advice: "Go back, reload the page and try again.",
};

/// The texts of all other server errors.
static SERVER_ERROR: ErrorTexts = ErrorTexts {
    title: "Something failed on our side",
    message: "The fault is ours and has been recorded.",
    advice: "Try again; if it stays, tell the people who run this site.",
};
