-- The marketing figures with types, and with names without white space: ends trimmed, blanks to underscores, case
-- kept. Input view: marketing (the exported CSV, every column a string; note the blank after "Mailing list adds").
--
-- A row whose date is empty or is no date is left out. A figure that is empty or is no number is NULL.
SELECT
    to_date(trim(`Date`), 'M/d/yyyy') AS Date,
    CAST(`New visitors SEO` AS INT) AS New_visitors_SEO,
    CAST(`New visitors CPC` AS INT) AS New_visitors_CPC,
    CAST(`New visitors Social Media` AS INT) AS New_visitors_Social_Media,
    CAST(`Return visitors` AS INT) AS Return_visitors,
    CAST(`Twitter mentions` AS INT) AS Twitter_mentions,
    CAST(`Twitter follower adds` AS INT) AS Twitter_follower_adds,
    CAST(`Twitter followers cumulative` AS INT) AS Twitter_followers_cumulative,
    CAST(`Mailing list adds ` AS INT) AS Mailing_list_adds,
    CAST(`Mailing list cumulative` AS INT) AS Mailing_list_cumulative,
    CAST(`Website Pageviews` AS INT) AS Website_Pageviews,
    CAST(`Website Visits` AS INT) AS Website_Visits,
    CAST(`Website Unique Visits` AS INT) AS Website_Unique_Visits,
    CAST(`Mobile uniques` AS INT) AS Mobile_uniques,
    CAST(`Tablet uniques` AS INT) AS Tablet_uniques,
    CAST(`Desktop uniques` AS INT) AS Desktop_uniques,
    CAST(`Free sign up` AS INT) AS Free_sign_up,
    CAST(`Paid conversion` AS INT) AS Paid_conversion,
    Events
FROM marketing
WHERE to_date(trim(`Date`), 'M/d/yyyy') IS NOT NULL
