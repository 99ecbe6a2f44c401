-- One row a day from the sales pipeline. Input view: sales (the exported CSV, every column a string).
--
-- A row whose date is empty or is no date belongs to no day, and is left out. A row without a revenue is an
-- opportunity all the same and adds nothing, so that the sums are never NULL: a day without leads has 0.00.
WITH pipeline AS (
    SELECT
        to_date(trim(`Date`), 'M/d/yyyy') AS day,
        CAST(`Forecasted Monthly Revenue` AS DECIMAL(18, 2)) AS monthly_revenue,
        trim(`Opportunity Stage`) AS stage
    FROM sales
)
SELECT
    day AS date,
    CAST(coalesce(sum(monthly_revenue), 0) AS DECIMAL(18, 2)) AS forecasted_monthly_revenue,
    count(*) AS opportunities,
    count(*) FILTER (WHERE stage = 'Lead') AS leads_generated,
    CAST(coalesce(sum(monthly_revenue) FILTER (WHERE stage = 'Lead'), 0) AS DECIMAL(18, 2)) AS forecasted_lead_revenue
FROM pipeline
WHERE day IS NOT NULL
GROUP BY day
ORDER BY day
