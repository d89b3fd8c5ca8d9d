"""Programs: participation in programs and interventions, with dosage and cost."""
