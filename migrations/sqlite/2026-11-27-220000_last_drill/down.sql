DROP TABLE last_drill;
