-- The kinds of devices get the names by which lists are narrowed to them, and bots are told from scripts.
UPDATE sessions SET device = 'script' WHERE device IN ('tool', 'unknown');
UPDATE sessions SET device = 'bot'
WHERE replace(lower(user_agent), 'cubot', '') LIKE '%bot%'
    OR lower(user_agent) LIKE '%crawl%'
    OR lower(user_agent) LIKE '%spider%'
    OR lower(user_agent) LIKE '%slurp%';
