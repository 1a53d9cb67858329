UPDATE sessions SET device = 'tool' WHERE device IN ('bot', 'script');
