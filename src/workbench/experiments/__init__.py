"""What a change caused."""
