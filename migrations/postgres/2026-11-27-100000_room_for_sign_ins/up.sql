-- Each sign-in writes when it was: in a page with room that changes no index, without it all of them.
ALTER TABLE users SET (fillfactor = 80);
