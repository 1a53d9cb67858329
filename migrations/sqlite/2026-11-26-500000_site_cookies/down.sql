DROP TABLE used_codes;
DROP TABLE site_cookies;
